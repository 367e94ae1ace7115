/* SPDX-License-Identifier: MIT */
/*
 * Looking at an image: whether a proc could run it, its size and hash. Reads
 * the file as a stranger's: nothing in it is believed beyond the file's end.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tools/manifest/manifest.h"
#include "tools/manifest/text.h"

enum { PHDRS_MAX = 256, DYNS_MAX = 4096, CHUNK = 1 << 16 };
#define IMAGE_MAX (UINT64_C(256) << 20)

struct image {
	int fd;
	uint64_t size;
	const char *path;
	struct manifest_error *err;
	Elf64_Ehdr eh;
	Elf64_Phdr ph[PHDRS_MAX];
};

__attribute__((format(printf, 2, 3))) static int bad(struct image *m, const char *fmt, ...)
{
	va_list ap;

	text_cut(m->err->file, sizeof(m->err->file), m->path);
	m->err->line = m->err->column = 0;
	va_start(ap, fmt);
	vsnprintf(m->err->text, sizeof(m->err->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* Read exactly @len bytes at @off. */
static int get(struct image *m, void *buf, size_t len, uint64_t off)
{
	ssize_t n;

	if (off > m->size || len > m->size - off)
		return bad(m, "is cut short: its ELF headers point behind its end");
	do
		n = pread(m->fd, buf, len, (off_t)off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return bad(m, "can't be read: %s", strerror(errno));
	return n == (ssize_t)len ? 0 : bad(m, "changed while it was read");
}

static int open_file(struct image *m)
{
	struct stat st;

	m->fd = open(m->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (m->fd < 0 && errno == ENOENT)
		return bad(m, "doesn't exist");
	if (m->fd < 0)
		return bad(m, "can't be opened: %s", strerror(errno));
	if (fstat(m->fd, &st) < 0)
		return bad(m, "can't be read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return bad(m, "is a folder, not a program");
	if (!S_ISREG(st.st_mode))
		return bad(m, "is not a regular file");
	if ((st.st_mode & 0111) == 0)
		return bad(m, "is not executable: chmod +x it");
	m->size = (uint64_t)st.st_size;
	if (m->size == 0)
		return bad(m, "is empty");
	if (m->size > IMAGE_MAX)
		return bad(m, "is larger than 256 MiB");
	return 0;
}

static int check_header(struct image *m)
{
	unsigned char ident[EI_NIDENT] = { 0 };
	size_t len = m->size < sizeof(ident) ? (size_t)m->size : sizeof(ident);

	if (get(m, ident, len, 0) < 0)
		return -1;
	if (ident[0] == '#' && ident[1] == '!')
		return bad(m,
		    "is a script: a proc runs a static program, nothing interprets for it");
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return bad(m, "is not an ELF program");
	if (ident[EI_CLASS] == ELFCLASS32)
		return bad(m, "is a 32-bit program: compile it for x86-64");
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return bad(m, "is not a 64-bit little-endian ELF program");
	if (get(m, &m->eh, sizeof(m->eh), 0) < 0)
		return -1;
	if (m->eh.e_machine != EM_X86_64)
		return bad(m, "is for another machine (ELF machine %u): compile it for x86-64",
		    m->eh.e_machine);
	if (m->eh.e_type == ET_REL)
		return bad(m, "is an object file: link it to a program");
	if (m->eh.e_type != ET_EXEC && m->eh.e_type != ET_DYN)
		return bad(m, "is not a program (ELF type %u)", m->eh.e_type);
	if (m->eh.e_phentsize != sizeof(Elf64_Phdr) || m->eh.e_phnum == 0 ||
	    m->eh.e_phnum > PHDRS_MAX)
		return bad(m, "has broken ELF program headers");
	return get(m, m->ph, m->eh.e_phnum * sizeof(Elf64_Phdr), m->eh.e_phoff);
}

static int check_interp(struct image *m, const Elf64_Phdr *p)
{
	char raw[TEXT_LONG] = "", name[TEXT_LONG];
	size_t len = p->p_filesz < sizeof(raw) ? (size_t)p->p_filesz : sizeof(raw) - 1;

	if (get(m, raw, len, p->p_offset) < 0)
		return -1;
	return bad(m, "is dynamically linked (needs %s): link it with -static",
	    text_cut(name, sizeof(name), raw));
}

/* A static PIE has a dynamic section for its relocations, but needs no library. */
static int check_dynamic(struct image *m, const Elf64_Phdr *p, bool *ret_pie)
{
	uint64_t i, n = p->p_filesz / sizeof(Elf64_Dyn);
	Elf64_Dyn dyn;

	for (i = 0; i < n && i < DYNS_MAX; i++) {
		if (get(m, &dyn, sizeof(dyn), p->p_offset + i * sizeof(dyn)) < 0)
			return -1;
		if (dyn.d_tag == DT_NEEDED)
			return bad(m, "needs shared libraries: link it with -static");
		if (dyn.d_tag == DT_FLAGS_1 && (dyn.d_un.d_val & DF_1_PIE) != 0)
			*ret_pie = true;
		if (dyn.d_tag == DT_NULL)
			break;
	}
	return 0;
}

static int check_segments(struct image *m)
{
	bool pie = false, loads = false;
	const Elf64_Phdr *p;

	for (p = m->ph; p < m->ph + m->eh.e_phnum; p++)
		if (p->p_type == PT_INTERP)
			return check_interp(m, p);
	for (p = m->ph; p < m->ph + m->eh.e_phnum; p++) {
		if (p->p_type == PT_LOAD &&
		    (p->p_offset > m->size || p->p_filesz > m->size - p->p_offset))
			return bad(m, "is cut short: it has %llu bytes, its segments want more",
			    (unsigned long long)m->size);
		loads = loads || p->p_type == PT_LOAD;
		if (p->p_type == PT_DYNAMIC && check_dynamic(m, p, &pie) < 0)
			return -1;
	}
	if (m->eh.e_type == ET_DYN && !pie)
		return bad(m, "is a shared library, not a program");
	return loads ? 0 : bad(m, "has nothing to load: no ELF segment");
}

static int hash(struct image *m, uint8_t sha256[32])
{
	crypto_hash_sha256_state st;
	unsigned char *buf = malloc(CHUNK);
	uint64_t off = 0;
	int r = 0;

	if (buf == NULL)
		return bad(m, "out of memory");
	crypto_hash_sha256_init(&st);
	while (r == 0 && off < m->size) {
		size_t n = m->size - off < CHUNK ? (size_t)(m->size - off) : CHUNK;

		r = get(m, buf, n, off);
		if (r == 0)
			crypto_hash_sha256_update(&st, buf, n);
		off += n;
	}
	crypto_hash_sha256_final(&st, sha256);
	free(buf);
	return r;
}

int manifest_image_probe(const char *path, uint8_t sha256[32], uint64_t *ret_size,
    struct manifest_error *err)
{
	struct image image = { .fd = -1, .path = path, .err = err }, *m = &image;
	uint8_t sum[32];
	int r;

	if (sodium_init() < 0)
		return bad(m, "can't be hashed: libsodium does not start");
	r = open_file(m);
	if (r == 0)
		r = check_header(m);
	if (r == 0)
		r = check_segments(m);
	if (r == 0)
		r = hash(m, sum);
	if (r == 0) {
		memcpy(sha256, sum, sizeof(sum));
		*ret_size = m->size;
	}
	if (m->fd >= 0)
		close(m->fd);
	return r;
}
