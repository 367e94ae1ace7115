# SPDX-License-Identifier: MIT
# What the kernel below may change: all whole systems, and all of a sandbox.
VMTESTS ?= tests/vm/layers.sh $(call RUN,isolation matrix guard-rules) \
	$(foreach t,$(filter tests/system/% tests/isolation/%,$(SHTESTS)),$(call limit,$(t),$(t)))
