#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The checkers themselves, on a small tree: each passes what is right and
# refuses, for the reason given, what is wrong.
set -u
top=$PWD
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
number=0
spdx='/* SPDX-License-Identifier: MIT */'

ok() # WHAT CONDITION...
{
	local what=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		sed 's/^/# /' out
	fi
}

passes() # WHAT COMMAND...
{
	local what=$1
	shift
	"$@" >out 2>&1
	ok "$what" test $? -eq 0
}

refuses() # WHAT REASON COMMAND...
{
	local what=$1 reason=$2
	shift 2
	"$@" >out 2>&1
	ok "$what" eval "test $? -ne 0 && grep -qF '$reason' out"
}

# A tree as the build has it: sources, objects with their .d, a kernel with its map.
build()
{
	local f
	rm -rf build/bin build/lib && mkdir -p build/bin build/lib
	for f in kernel/main.c caps/a.c libsys/b.c; do
		mkdir -p "build/${f%/*}"
		gcc -std=gnu17 -Iinclude -Ibuild/gen -iquote . -MMD -MP -c -o "build/${f%.c}.o" "$f"
	done
	ar rcs build/lib/libcaps.a build/caps/a.o
	gcc -Wl,-Map,build/bin/writ-kernel.map -o build/bin/writ-kernel build/kernel/main.o \
		"$@" build/lib/libcaps.a
}
tcb()
{
	build "$@" && tools/tcb-report build docs/tcb.md
}
layers()
{
	build && tools/check-layers build build/*/*.d
}
put() # FILE LINE...
{
	local file=$1
	shift
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$@" >"$file"
}

mkdir -p tools tests servers
cp "$top"/tools/{tcb-report,check-layers,check-style,check-docs,check-headers} tools
put include/writ/cap.h "$spdx" '#pragma once' 'int a(void);'
put libsys/sys.h "$spdx" '#pragma once'
put build/gen/writ/fs.pb-c.h "$spdx"
put kernel/main.c "$spdx" '#include <writ/cap.h>' 'int main(void)' '{' 'return a();' '}'
put caps/a.c "$spdx" '#include <stdint.h>' '#include <writ/cap.h>' 'int a(void)' '{' 'return 0;' '}'
put libsys/b.c "$spdx" '#include "libsys/sys.h"' 'int b(void);' 'int b(void)' '{' 'return 0;' '}'
# shellcheck disable=SC2016 # the backquotes are Markdown's
put docs/tcb.md '| `writ-kernel` | it |' '| `kernel/main.c` | one |' '| `caps/a.c` | two |' \
	'| `libc.so.6` | three |'

passes "tcb: the document names what is linked" tcb
refuses "tcb: an object of another folder is linked" "not in docs/tcb.md: libsys/b.c" \
	tcb build/libsys/b.o
refuses "tcb: a library is linked that is not named" "libm.so.6" tcb -Wl,--no-as-needed -lm
ar rcs libx.a build/libsys/b.o
refuses "tcb: so is an archive" "libx.a" tcb libx.a
put kernel/z.c "$spdx" 'int z;'
refuses "tcb: a file lies in the folder and is not linked" "kernel/z.c lies in" tcb
# shellcheck disable=SC2016
echo '| `kernel/z.c` | not linked: for tests |' >>docs/tcb.md
passes "tcb: unless the document says so" tcb
rm kernel/z.c
refuses "tcb: a file that the document names is gone" "kernel/z.c, which is gone" tcb
sed -i '/z\.c/d; s/ two / /' docs/tcb.md
refuses "tcb: a file without a reason" "not in docs/tcb.md: caps/a.c" tcb
sed -i 's/\(caps.a.c` | \)/\1two /' docs/tcb.md
put build/gen/kernel/made.h "$spdx"
sed -i '2i #include <kernel/made.h>' kernel/main.c
refuses "tcb: a generated file is included that is not named" "gen/kernel/made.h" tcb
# shellcheck disable=SC2016
echo '| `gen/kernel/made.h` | four |' >>docs/tcb.md
passes "tcb: unless the document says why" tcb
sed -i 2d kernel/main.c
refuses "tcb: a generated file is named and not included" "not included: gen/kernel/made.h" tcb
sed -i '/made\.h/d' docs/tcb.md
yes "" | head -6000 >kernel/big.h
refuses "tcb: too many lines" "above the ceiling" tcb
rm kernel/big.h
passes "tcb: all is well again" tcb

passes "layers: each stays in its own" layers
sed -i '2i #include "libsys/sys.h"' kernel/main.c
refuses "layers: the kernel includes a header of libsys" \
	"kernel/main.c may not include libsys/sys.h" layers
sed -i '2s/.*/#include <writ\/fs.pb-c.h>/' kernel/main.c
refuses "layers: the kernel includes generated messages" \
	"kernel/main.c may not include gen/writ/fs.pb-c.h" layers
sed -i 2d kernel/main.c
sed -i '2i #include <unistd.h>' caps/a.c
refuses "layers: caps includes system calls" "caps/ is pure C" layers
sed -i 2d caps/a.c

passes "style: right" tools/check-style
put libsys/bad.c 'int x;'
refuses "style: no SPDX line" "SPDX" tools/check-style
put libsys/bad.c "$spdx" "// TO""DO: later"
refuses "style: a mark of unfinished work" "unfinished" tools/check-style
put libsys/bad.c "$spdx" "$(printf 'int %0100d;' 1)"
refuses "style: a long line" "100 columns" tools/check-style
put libsys/bad.c "$spdx" "/* clang-format off */" "$(printf 'int %0100d;' 1)"
passes "style: but not in a table" tools/check-style
{ echo "$spdx"; echo 'f(void)'; echo '{'; yes '	f();' | head -101; echo '}'; } >libsys/bad.c
refuses "style: a function of 101 lines" "function of 101 lines" tools/check-style
sed -i 4d libsys/bad.c
passes "style: one of 100 is noted only" tools/check-style
{ echo "$spdx"; yes 'int;' | head -800; } >libsys/bad.c
refuses "style: a file of 801 lines" "libsys/bad.c: 801 lines" tools/check-style
rm libsys/bad.c
put libsys/bad.h "$spdx" 'int x;'
refuses "style: a header without #pragma once" "pragma once" tools/check-style
put libsys/bad.h "$spdx" '#pragma once' 'uint32_t f(void);'
refuses "headers: one does not compile alone" "libsys/bad.h does not compile alone" \
	tools/check-headers "gcc -Iinclude"
rm libsys/bad.h
passes "headers: all compile alone" tools/check-headers "gcc -Iinclude"

put docs/a.md '[b](tcb.md) [c](https://example.org)' '<!-- generated: echo new -->' new '<!-- end -->'
passes "docs: links lead to files, blocks are up to date" tools/check-docs
put docs/a.md '[b](gone.md)'
refuses "docs: a link leads nowhere" "no such file: gone.md" tools/check-docs
put docs/a.md '<!-- generated: echo new -->' old '<!-- end -->' after
refuses "docs: a block is out of date" "out of date" tools/check-docs
passes "docs: --write brings it up to date" tools/check-docs --write
ok "docs: and leaves the rest alone" test "$(sed -n '2p;4p' docs/a.md | tr '\n' ' ')" = "new after "
put docs/a.md '<!-- generated: false -->' '<!-- end -->'
refuses "docs: a block's command fails" "command failed" tools/check-docs
put docs/a.md '<!-- generated: echo -->' 'the rest'
refuses "docs: a block without an end is not overwritten" "has no end" tools/check-docs --write
echo "1..$number"
