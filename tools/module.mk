# SPDX-License-Identifier: MIT
# What the build itself runs: not installed
GENS += gen-filter
gen-filter_SRCS := tools/gen-filter.c
gen-filter_LDLIBS := -lseccomp
