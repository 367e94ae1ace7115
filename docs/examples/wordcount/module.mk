# SPDX-License-Identifier: MIT
BINS += wc-coordinator wc-mapper wc-reducer wc-curious
wc-coordinator_SRCS := docs/examples/wordcount/coordinator.c docs/examples/wordcount/words.c
wc-mapper_SRCS := docs/examples/wordcount/mapper.c docs/examples/wordcount/words.c
wc-reducer_SRCS := docs/examples/wordcount/reducer.c docs/examples/wordcount/words.c
wc-curious_SRCS := docs/examples/wordcount/curious.c
wc-coordinator_STATIC := 1
wc-mapper_STATIC := 1
wc-reducer_STATIC := 1
wc-curious_STATIC := 1
wc-coordinator_LIBS := libwrit
wc-mapper_LIBS := libwrit
wc-reducer_LIBS := libwrit
wc-curious_LIBS := libwrit
wc-coordinator_LDLIBS := -lprotobuf-c
wc-mapper_LDLIBS := -lprotobuf-c
wc-reducer_LDLIBS := -lprotobuf-c
wc-curious_LDLIBS := -lprotobuf-c
