# SPDX-License-Identifier: MIT
# What only that kernel shows: BPF LSM, and cgroup v2 with all controllers. Part of tools/test.
VMCHECKS ?= tests/vm/layers.sh $(call RUN,isolation matrix guard-rules guard-peers guard-demand)
# What the kernel below may change: all whole systems, all of a sandbox, and telemetry.
VMTESTS ?= tests/vm/layers.sh $(call RUN,isolation matrix guard-rules guard-peers guard-demand unit-sched) \
	$(foreach t,$(filter tests/system/% tests/isolation/%,$(SHTESTS)),$(call limit,$(t),$(t)))
