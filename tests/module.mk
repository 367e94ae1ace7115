# SPDX-License-Identifier: MIT
SHTESTS += tests/system/run-tests.sh
