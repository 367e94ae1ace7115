# SPDX-License-Identifier: MIT
# What the kernel below may change: all whole systems, and the units that meet it.
VMTESTS ?= tests/vm/layers.sh $(call RUN,isolation unit-filter unit-caps matrix guard-rules) \
	$(foreach t,$(filter tests/system/%,$(SHTESTS)),$(call limit,$(t),$(t)))
