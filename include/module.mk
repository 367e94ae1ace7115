# SPDX-License-Identifier: MIT
# Messages between servers and clients: include/proto/NAME.proto, one row each.
# Components link them with NAME_PROTOS := fs …, or all of them with libproto.
PROTOS += fs manifest op
LIBS += libproto
libproto_PROTOS = $(PROTOS)
