# SPDX-License-Identifier: MIT
# What the kernel below may change, the longest first so that the machines end at about the same
# time. These are part of tools/test; beside them all else that is a system or a sandbox.
VM_SYSTEM := $(addsuffix .sh,$(addprefix tests/system/,modes guard servers ends objects ipc audit root boot))
VMCHECKS  ?= $(foreach t,$(VM_SYSTEM),$(call limit,$(t),$(t))) tests/vm/layers.sh \
	$(call RUN,isolation unit-sched matrix guard-rules guard-peers guard-demand)
VM_REST   := $(filter-out $(VM_SYSTEM),$(filter tests/isolation/% tests/system/%,$(SHTESTS)))
VMTESTS   ?= $(foreach t,$(VM_REST),$(call limit,$(t),$(t))) $(VMCHECKS)
