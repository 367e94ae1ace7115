#!/bin/sh
# SPDX-License-Identifier: MIT
# A test that fails, for tests/vm/control.sh.
echo "ok 1 - this passes"
echo "not ok 2 - this fails"
echo "1..2"
