# SPDX-License-Identifier: MIT
# A benchmark is a program: BENCHES += bench-NAME, its file and tests/bench/bench.c.
TESTS += unit-bench
unit-bench_SRCS := tests/unit/bench/test-bench.c tests/bench/bench.c
unit-bench_LDLIBS := -ljansson -lcheck -lsubunit -lm -lrt -lpthread
