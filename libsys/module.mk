# SPDX-License-Identifier: MIT
LIBS += libwrit
libwrit_SRCS := libsys/main.c libsys/self.c libsys/gate.c libsys/cap.c libsys/ipc.c \
	libsys/start.c libsys/path.c libsys/proc.c \
	libsys/chan.c libsys/chan_send.c libsys/chan_recv.c libsys/chan_open.c libsys/chan_merge.c \
	libsys/ring.c libsys/link.c libsys/spin.c libsys/tx_kernel.c libsys/tx_port.c \
	libsys/mbox.c libsys/mbox_serve.c libsys/srv.c \
	libsys/name.c libsys/name_cache.c libsys/pb.c libsys/fssrv.c libsys/fssrv_main.c \
	libsys/fs.c libsys/fs_conn.c libsys/fs_dir.c libsys/fs_whole.c libsys/names.c
libwrit_PROTOS := fs
PROTOS += fs
