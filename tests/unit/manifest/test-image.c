/* SPDX-License-Identifier: MIT */
/* Images: programs as compilers make them, and what is none. */
#include <elf.h>
#include <sodium.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/manifest/fixture.h"

static struct manifest_error err;
static uint8_t sum[32];
static uint64_t size;

static int probe(const char *name)
{
	return manifest_image_probe(fixture_path(name), sum, &size, &err);
}

static void refused(const char *name, const char *needle)
{
	memset(sum, 7, sizeof(sum));
	size = 7;
	ck_assert_msg(probe(name) == -1, "%s was accepted, wanted: %s", name, needle);
	printf("%s: %s\n", name, err.text);
	ck_assert_msg(strstr(err.text, needle) != NULL, "%s: want %s, got %s", name, needle,
	    err.text);
	ck_assert_str_eq(err.file, fixture_path(name));
	ck_assert_msg(size == 7 && sum[0] == 7, "untouched on failure");
}

static void accepted(const char *name)
{
	ck_assert_msg(probe(name) == 0, "%s: %s", name, err.text);
}

/* Compile a program of our own to @name with @flags, words between spaces. */
static void build(const char *name, const char *flags)
{
	static const char c[] = "int main(void) { return 0; }\n";
	char words[128], *rest = words, *argv[16] = { "gcc" };
	int n = 1, status;
	pid_t pid;

	fixture_write("p.c", c, sizeof(c) - 1, 0644);
	snprintf(words, sizeof(words), "%s", flags);
	while (n < 12 && (argv[n] = strtok_r(rest, " ", &rest)) != NULL)
		n++;
	argv[n++] = "-o";
	argv[n++] = (char *)fixture_path(name);
	argv[n] = (char *)fixture_path("p.c");
	ck_assert_int_eq(posix_spawnp(&pid, "gcc", NULL, NULL, argv, environ), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "gcc %s", flags);
}

START_TEST(static_programs_are_accepted)
{
	uint8_t want[32];
	unsigned char *buf;
	struct stat st;
	FILE *f;

	build("static", "-static -no-pie");
	accepted("static");
	ck_assert_int_eq(stat(fixture_path("static"), &st), 0);
	ck_assert_uint_eq(size, (uint64_t)st.st_size);
	buf = fixture_alloc(size);
	f = fopen(fixture_path("static"), "rb");
	ck_assert_uint_eq(fread(buf, 1, size, f), size);
	fclose(f);
	crypto_hash_sha256(want, buf, size);
	ck_assert_mem_eq(sum, want, 32);
	free(buf);
	build("static-pie", "-static-pie");
	accepted("static-pie");
	accepted("bin/a");
}
END_TEST

START_TEST(linked_otherwise_is_refused)
{
	build("dynamic", "-pie");
	refused("dynamic",
	    "is dynamically linked (needs /lib64/ld-linux-x86-64.so.2): link it with -static");
	build("dynamic-exec", "-no-pie");
	refused("dynamic-exec", "is dynamically linked");
	build("lib.so", "-shared -fPIC -Wl,--no-as-needed");
	refused("lib.so", "needs shared libraries: link it with -static");
	build("lone.so", "-shared -fPIC -nostdlib");
	refused("lone.so", "is a shared library");
	build("object", "-c");
	chmod(fixture_path("object"), 0755);
	refused("object", "is an object file");
}
END_TEST

START_TEST(what_is_no_program_is_refused)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";

	refused("none", "doesn't exist");
	refused("bin", "is a folder");
	fixture_write("empty", "", 0, 0755);
	refused("empty", "is empty");
	fixture_write("script", script, sizeof(script) - 1, 0755);
	refused("script", "is a script");
	fixture_write("text", "hello", 5, 0755);
	refused("text", "is not an ELF program");
	fixture_write("one", "\x7f", 1, 0755);
	refused("one", "is not an ELF program");
	chmod(fixture_path("bin/a"), 0644);
	refused("bin/a", "is not executable: chmod +x");
	chmod(fixture_path("bin/a"), 0755);
	accepted("bin/a");
	ck_assert_int_eq(mkfifo(fixture_path("fifo"), 0755), 0);
	refused("fifo", "is not a regular file");
	ck_assert_int_eq(symlink("loop", fixture_path("loop")), 0);
	refused("loop", "can't be opened");
	fixture_write("huge", "x", 1, 0755);
	ck_assert_int_eq(truncate(fixture_path("huge"), (256 << 20) + 1), 0);
	refused("huge", "is larger than 256 MiB");
}
END_TEST

/* The good program of 120 bytes with one byte changed. */
static void altered(const char *name, size_t at, unsigned char value, const char *needle)
{
	unsigned char b[120];
	FILE *f = fopen(fixture_path("bin/a"), "rb");

	ck_assert_uint_eq(fread(b, 1, sizeof(b), f), sizeof(b));
	fclose(f);
	b[at] = value;
	fixture_write(name, b, sizeof(b), 0755);
	refused(name, needle);
}

START_TEST(broken_elf_is_refused)
{
	altered("32bit", EI_CLASS, ELFCLASS32, "is a 32-bit program");
	altered("big-endian", EI_DATA, ELFDATA2MSB, "little-endian");
	altered("arm", offsetof(Elf64_Ehdr, e_machine), EM_AARCH64,
	    "another machine (ELF machine 183)");
	altered("core", offsetof(Elf64_Ehdr, e_type), ET_CORE, "ELF type 4");
	altered("phentsize", offsetof(Elf64_Ehdr, e_phentsize), 1, "broken ELF program headers");
	altered("no-ph", offsetof(Elf64_Ehdr, e_phnum), 0, "broken ELF program headers");
	altered("many-ph", offsetof(Elf64_Ehdr, e_phnum), 9, "is cut short");
	altered("phoff", offsetof(Elf64_Ehdr, e_phoff) + 7, 0xff, "is cut short");
	altered("filesz", sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz) + 7, 0xff,
	    "is cut short");
	altered("offset", sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_offset), 1, "is cut short");
	altered("no-load", sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_type), PT_NOTE,
	    "nothing to load");
	altered("interp", sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_type), PT_INTERP,
	    "is dynamically linked (needs ");
}
END_TEST

START_TEST(truncated_program_is_refused_wherever_it_ends)
{
	unsigned seed = 1;
	off_t n;
	int i;

	build("cut", "-static -no-pie -s");
	accepted("cut");
	n = (off_t)size;
	ck_assert_int_eq(truncate(fixture_path("cut"), n / 2), 0);
	refused("cut", "is cut short");
	for (i = 0; i < 50; i++) {
		n = n * (rand_r(&seed) % 100) / 100;
		if (n == 0)
			break;
		ck_assert_int_eq(truncate(fixture_path("cut"), n), 0);
		refused("cut", "is ");
	}
}
END_TEST

/* In a manifest the sentence comes with the place of the image's path. */
START_TEST(sentence_points_into_the_manifest)
{
	struct wrong w = { "realm: r\nimages:\n  - name: a\n    path: bin/dyn\n"
			   "procs: [{name: p, image: a}]\n",
		4, 11, "bin/dyn is dynamically linked" };

	build("bin/dyn", "-pie");
	ck_assert_int_eq(fixture_realm(w.yaml, NULL, &err), -1);
	ck_assert_uint_eq(err.line, w.line);
	ck_assert_uint_eq(err.column, w.column);
	ck_assert_ptr_nonnull(strstr(err.text, w.needle));
}
END_TEST

Suite *suite_image(void)
{
	Suite *s = suite_create("images");
	TCase *t = tcase_create("image");

	tcase_add_unchecked_fixture(t, fixture_begin, fixture_end);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, static_programs_are_accepted);
	tcase_add_test(t, linked_otherwise_is_refused);
	tcase_add_test(t, what_is_no_program_is_refused);
	tcase_add_test(t, broken_elf_is_refused);
	tcase_add_test(t, truncated_program_is_refused_wherever_it_ends);
	tcase_add_test(t, sentence_points_into_the_manifest);
	suite_add_tcase(s, t);
	return s;
}
