/* The smallest policy in C: nothing that is in the swap cache is unmapped.
 * The macros WRONG_..., NULL_... and so on make it break the contract. */

#include <stddef.h>

#include "cowpath_policy.h"

COWPATH_MANIFEST(
	"abi = 1.0\n"
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

static const struct cowpath_rules rules = {
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

static struct cowpath_policy policy = {
	.size = sizeof(policy),
	.abi_version = COWPATH_ABI_VERSION,
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
	policy.manifest = "abi = 1.0\nid = somebody-else\n";
#endif
#ifdef NULL_ENTRY
	return NULL;
#else
	return &policy;
#endif
}
