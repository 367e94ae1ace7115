/* SPDX-License-Identifier: MIT */
/* See spin.h. */
#include "spin.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t circle[2] = { 0xeb, 0xfe }; /* jmp to itself */

/* Where in the file the entry lies; 0: nowhere. */
static size_t entry_in(const uint8_t *file, size_t size)
{
	Elf64_Ehdr e;

	if (size < sizeof(e))
		return 0;
	memcpy(&e, file, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_machine != EM_X86_64 ||
	    e.e_phentsize != sizeof(Elf64_Phdr) || e.e_phoff > size ||
	    (size - e.e_phoff) / sizeof(Elf64_Phdr) < e.e_phnum)
		return 0;
	for (unsigned i = 0; i < e.e_phnum; i++) {
		Elf64_Phdr p;
		uint64_t at;

		memcpy(&p, file + e.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_INTERP) /* dynamic */
			return 0;
		if (p.p_type != PT_LOAD || e.e_entry < p.p_vaddr ||
		    e.e_entry - p.p_vaddr >= p.p_filesz)
			continue;
		at = p.p_offset + (e.e_entry - p.p_vaddr);
		return at < size && size - at >= sizeof(uint64_t) ? at : 0;
	}
	return 0;
}

static int write_all(const char *path, const uint8_t *file, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = write(fd, file + done, size - done);

		if (n < 0) {
			close(fd);
			return -EIO;
		}
		done += (size_t)n;
	}
	return close(fd) < 0 ? -errno : 0;
}

int spin_copy(const char *image, const char *whole, const char *path, uint64_t *ret_code)
{
	int fd = open(image, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r = -ENOEXEC;
	struct stat st;
	uint8_t *file;
	size_t at;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return -ENOEXEC;
	at = entry_in(file, (size_t)st.st_size);
	if (at != 0 && (r = write_all(whole, file, (size_t)st.st_size)) == 0) {
		memcpy(ret_code, file + at, sizeof(*ret_code));
		memcpy(file + at, circle, sizeof(circle));
		r = write_all(path, file, (size_t)st.st_size);
	}
	munmap(file, (size_t)st.st_size);
	return r;
}
