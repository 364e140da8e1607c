/* cowpath's step function under SPIN: the packed state is tracked data, and each option
 * takes one of its successors. `options.pml` is as many lines `OPTION(n)` as a state has
 * successors at most. SPIN takes every call in an expression that is written without a space
 * for a side effect; there is none, but a state's successors are kept. */
c_decl { \#include <stdint.h>
	static uint64_t machine_state[2]; };
c_track "machine_state" "16" "Matched";
c_code { \#include "machine.h" };

#define OPTION(i) :: d_step { c_expr { machine_has (i) } -> c_code { machine_take(i); } }

active proctype machine()
{
end:	do
#include "options.pml"
	od
}
