# SPDX-License-Identifier: MIT
# writ: the operator's command. libcli is what its tests link as well.
LIBS += libcli
libcli_SRCS := $(addprefix tools/writ/,cli.c show.c table.c tree.c tail.c client.c procs.c node.c \
	message.c record.c trail.c doctor_trial.c doctor_ns.c doctor_seccomp.c doctor_file.c \
	doctor_cgroup.c doctor_guard.c layers.c pinned.c denied.c) \
	$(addprefix tools/boot/,group.c clear.c pins.c switch.c names.c guard.c try.c reason.c)
libcli_LDLIBS := -lnng -lprotobuf-c -ljansson -lcap-ng -lsodium -lbpf

BINS += writ
writ_SRCS := $(addprefix tools/writ/,main.c up.c up_args.c down.c run.c ps.c logs.c caps.c dump.c \
	dump_run.c rights.c given.c why.c audit.c check.c doctor.c guard.c isolation.c top.c \
	meter.c) \
	$(addprefix servers/loader/,format.c parse.c words.c)
writ_LIBS := libcli libmanifest libproto libwrit
writ_LDLIBS := $(libcli_LDLIBS) -lcyaml -lyaml
$(B)/tools/writ/meter.o $(B)/tools/writ/top.o: $(B)/gen/boot/names.h
