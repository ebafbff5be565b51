#!/usr/bin/env bash
# vector_registers_check.sh OBJECT...: that no secret leaves the vector registers of these kernels.
#
# valgrind knows neither VAES nor GFNI nor AVX-512, so what needs them is looked at as compiled: no instruction has a
# vector or mask register among its operands and a general one as its destination, none sets flags by one, none addresses
# memory by one. What is in such a register can then only be stored; that nothing else is done with it is up to the
# templates, which these kernels share with those that valgrind runs.
set -euo pipefail

# look OBJECT: says what it found; fails if that is something, or if there was nothing to look at.
look() {
  objdump --disassemble --no-show-raw-insn "$1" | awk -v object="${1##*/}" '
    /^ *[0-9a-f]+:\t/ {
      instruction = $0
      sub(/^[^\t]*\t/, "", instruction)
      sub(/ *[#<].*/, "", instruction)
      if (instruction !~ /%[xyz]mm|%k[0-7]/) next
      ++seen
      to_general = instruction ~ /,%[re]?([abcd][xl]|[sd]il?|[sb]pl?|[0-9]+[dwb]?)$/
      sets_flags = instruction ~ /^(v?ptest|vtestp[sd]|v?u?comis[sd]|k(or)?test[bwdq]) /
      is_address = instruction ~ /\([^)]*%[xyz]mm/
      if (to_general || sets_flags || is_address) {
        print object ": " $0
        ++found
      }
    }
    END {
      print object ": " seen + 0 " instructions on vectors, " found + 0 " that let one out"
      exit seen == 0 || found != 0
    }'
}

# That it would find one, and takes nothing else for one.
made=$(mktemp)
trap 'rm -f "$made"' EXIT
for leak in 'vmovd %xmm1,%eax' 'vpextrq $1,%xmm1,%r8' 'vpmovmskb %ymm1,%esi' 'kmovd %k1,%r9d' 'vptest %ymm1,%ymm2' \
  'kortestw %k1,%k1' 'vpgatherdd %ymm1,(%rax,%ymm2,4),%ymm3'; do
  as -o "$made" <<<"$leak"
  ! look "$made" >/dev/null || { echo "not found: $leak"; exit 1; }
done
for harmless in 'vmovd %eax,%xmm1' 'vpinsrq $1,%rax,%xmm1,%xmm2' 'vmovdqu %ymm1,(%rax,%rcx,4)'; do
  as -o "$made" <<<"$harmless"
  look "$made" >/dev/null || { echo "taken for a leak: $harmless"; exit 1; }
done

status=0
for object in "$@"; do look "$object" || status=1; done
[ $# != 0 ] || { echo "no object was given"; exit 1; }
exit $status
