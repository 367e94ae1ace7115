# SPDX-License-Identifier: MIT
SHTESTS += tests/system/run-tests.sh tests/system/lint-tools.sh
