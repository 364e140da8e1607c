/* The smallest policy in C: nothing that is in the swap cache is unmapped.
 * The macros WRONG_..., NULL_... and so on make it break the contract; OF_1_0 makes it a
 * plugin that was compiled with the header of version 1.0. */

#include <stddef.h>

#include "cowpath_policy.h"

#ifdef OF_1_0
#define ABI "abi = 1.0\n"
#else
#define ABI "abi = 1.1\n"
#endif

COWPATH_MANIFEST(
	ABI
	"id = veto\n"
	"title = nothing that is in the swap cache is unmapped\n"
	"kernels = none\n"
	"source = a test\n"
	"date = 2005-02-07\n"
	"hook = try_to_unmap_one\n"
	"reason = in swap cache\n"
);

static uint32_t try_to_unmap_one(const struct cowpath_page_view *view)
{
	if (view->flags & COWPATH_PG_SWAPCACHE)
		return COWPATH_ANSWER(COWPATH_UNMAP_FAIL, 1);
	return COWPATH_ANSWER(COWPATH_UNMAP, 0);
}

#ifdef OF_1_0
struct rules_1_0 {
	uint8_t do_swap_page[8];
	uint32_t unuse_process;
	uint32_t exclusive_without_tree_lock;
};

struct policy_1_0 {
	uint32_t size;
	uint32_t abi_version;
	const char *manifest;
	const struct rules_1_0 *rules;
	cowpath_hook_fn hooks[7];
};

static const struct rules_1_0 rules = {
#else
static const struct cowpath_rules rules = {
#endif
	.do_swap_page = {
		COWPATH_STEP_SWAP_FREE,
		COWPATH_STEP_FREE_SWAP,
		COWPATH_STEP_RSS,
		COWPATH_STEP_DECIDE,
		COWPATH_STEP_UNLOCK_PAGE,
		COWPATH_STEP_SET_PTE,
		COWPATH_STEP_ADD_RMAP,
		COWPATH_STEP_WP_PAGE,
	},
	.unuse_process = COWPATH_ACTIVATE_AFTER_PTE,
#ifdef WRONG_RULES
	.exclusive_without_tree_lock = 2,
#endif
};

#ifdef OF_1_0
static struct policy_1_0 policy = {
	.abi_version = 0x00010000u,
#else
static struct cowpath_policy policy = {
	.abi_version = COWPATH_ABI_VERSION,
#endif
	.size = sizeof(policy),
	.manifest = cowpath_policy_manifest,
	.rules = &rules,
	.hooks = {
		[COWPATH_HOOK_TRY_TO_UNMAP_ONE] = try_to_unmap_one,
	},
};

const struct cowpath_policy *cowpath_policy_v1(void)
{
#ifdef WRONG_VERSION
	policy.abi_version = 3u << 16 | 1;
#endif
#ifdef WRONG_SIZE
	policy.size = 8;
#endif
#ifdef NULL_RULES
	policy.rules = NULL;
#endif
#ifdef NO_HOOK
	policy.hooks[COWPATH_HOOK_TRY_TO_UNMAP_ONE] = NULL;
#endif
#ifdef OTHER_MANIFEST
	policy.manifest = "abi = 1.1\nid = somebody-else\n";
#endif
#ifdef NULL_ENTRY
	return NULL;
#else
	return (const struct cowpath_policy *)&policy;
#endif
}
