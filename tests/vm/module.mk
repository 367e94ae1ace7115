# SPDX-License-Identifier: MIT
# All that is a system or a sandbox, and what is there for this machine; the longest first, so that
# the machines end at about the same time.
VM_LONG := $(addsuffix .sh,tests/isolation/suite $(addprefix tests/system/,chan names gate modes wordcount guard))
VM_REST := $(filter-out $(VM_LONG),$(filter tests/isolation/% tests/system/%,$(SHTESTS)))
VMTESTS ?= $(foreach t,$(VM_LONG) $(VM_REST),$(call limit,$(t),$(t))) tests/vm/layers.sh \
	$(call RUN,isolation unit-sched matrix guard-rules guard-peers guard-demand)
