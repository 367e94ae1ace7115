# SPDX-License-Identifier: MIT
BINS += fleet-echo fleet-client
fleet-echo_SRCS := docs/examples/fleet/echo.c
fleet-client_SRCS := docs/examples/fleet/client.c
fleet-echo_LIBS := libwrit
fleet-client_LIBS := libwrit
fleet-echo_LDLIBS := -lprotobuf-c
fleet-client_LDLIBS := -lprotobuf-c
fleet-echo_STATIC := 1
fleet-client_STATIC := 1
