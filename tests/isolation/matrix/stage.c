/* SPDX-License-Identifier: MIT */
/* What attempts are made on: files, sockets, a victim. All on loopback and below /tmp. */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static int must(int r, const char *what)
{
	if (r < 0)
		err(EXIT_FAILURE, "%s", what);
	return r;
}

/* A socket of the loopback that waits for somebody. */
static int inet(int type, uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = must(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");

	must(bind(fd, (struct sockaddr *)&a, n), "bind");
	if (type == SOCK_STREAM)
		must(listen(fd, 1), "listen");
	must(getsockname(fd, (struct sockaddr *)&a, &n), "getsockname");
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static int listener(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	must(bind(fd, (struct sockaddr *)&a, sizeof(a)), "bind");
	must(chmod(path, 0777), "chmod");
	must(listen(fd, 1), "listen");
	return fd;
}

static pid_t victim(void)
{
	pid_t pid = must(fork(), "fork");

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static int image_open(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);

	path[n > 0 ? n : 0] = '\0';
	snprintf(strrchr(path, '/') + 1, 16, "matrix-effect");
	return must(open(path, O_RDONLY), path);
}

void stage_sockets(struct stage *s)
{
	s->tcp = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	s->udp = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	s->sock = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
}

void stage_open(struct stage *s)
{
	char dir[] = "/tmp/writ-matrix-XXXXXX";
	int fd;

	if (mkdtemp(dir) == NULL)
		err(EXIT_FAILURE, "%s", dir);
	must(chmod(dir, 0777), dir);
	*s = (struct stage){ 0 };
	snprintf(s->file, sizeof(s->file), "%s/file", dir);
	snprintf(s->path, sizeof(s->path), "%s/socket", dir);
	fd = must(open(s->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666), s->file);
	must((int)write(fd, "1234", 4), s->file);
	close(fd);
	s->tcp_to = inet(SOCK_STREAM, &s->tcp_port);
	s->udp_to = inet(SOCK_DGRAM, &s->udp_port);
	s->unix_to = listener(s->path);
	stage_sockets(s);
	must(pipe2(s->out, O_CLOEXEC), "pipe");
	s->image = image_open();
	s->shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->shared == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	s->victim = victim();
}

void stage_close(struct stage *s)
{
	const int fds[] = { s->tcp_to, s->udp_to, s->unix_to, s->tcp, s->udp, s->sock, s->image,
		s->out[0], s->out[1] };

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	kill(s->victim, SIGKILL);
	waitpid(s->victim, NULL, 0);
	unlink(s->file);
	unlink(s->path);
	*strrchr(s->path, '/') = '\0';
	rmdir(s->path);
	munmap(s->shared, 4096);
}
