/* The contract between cowpath and a policy plugin, for C and whatever can speak C.
 *
 * A plugin is a shared object with
 *   - its manifest: COWPATH_MANIFEST("abi = 1.1\n" "id = ...\n" ...); at file scope,
 *     one "key = value\n" for each of abi, id, title, kernels, source, date
 *     (YYYY-MM-DD) and, if wanted, commit and url; one "hook = NAME\n" for each hook
 *     that is defined; one "reason = PHRASE\n" for each reason, the first is number 1;
 *   - the function cowpath_policy_v1, which returns a structure that lives on.
 *
 * A hook is a function of its view and nothing else. What the questions and answers
 * mean is documented in the Rust crate cowpath-abi, under the names without COWPATH_.
 */
#ifndef COWPATH_POLICY_H
#define COWPATH_POLICY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the contract: major in the upper half, minor in the lower. */
#define COWPATH_ABI_VERSION 0x00010001u

/* An answer with the number of its reason, 0 for none. */
#define COWPATH_ANSWER(code, reason) ((uint32_t)(code) | (uint32_t)(reason) << 8)

/* Defines cowpath_policy_manifest, readable without loading the plugin. */
#define COWPATH_MANIFEST(text) \
	__attribute__((section(".cowpath.manifest"), used)) \
	const char cowpath_policy_manifest[] = text

/* One page, as the kernel sees it at the place where a hook is asked. */
struct cowpath_page_view {
	uint32_t count;
	uint32_t mapcount;
	uint32_t swap_map;
	uint32_t flags;
	uint32_t vm_flags;
	uint32_t env;
	uint32_t at;
	uint32_t pins;
};

/* What cannot be said as an answer. */
struct cowpath_rules {
	uint8_t do_swap_page[8]; /* each step once */
	uint32_t unuse_process; /* COWPATH_ACTIVATE_... */
	uint32_t exclusive_without_tree_lock; /* 0 or 1 */
	uint32_t mechanisms; /* COWPATH_EXCLUSIVE_BIT ...; since 1.1 */
};

/* Hooks: indexes into cowpath_policy.hooks. */
enum cowpath_hook {
	COWPATH_HOOK_DO_WP_PAGE = 0,
	COWPATH_HOOK_CAN_SHARE_SWAP_PAGE = 1,
	COWPATH_HOOK_EXCLUSIVE_SWAP_PAGE = 2,
	COWPATH_HOOK_REMOVE_EXCLUSIVE_SWAP_PAGE = 3,
	COWPATH_HOOK_FREE_SWAP_AND_CACHE = 4,
	COWPATH_HOOK_TRY_TO_UNMAP_ONE = 5,
	COWPATH_HOOK_DO_SWAP_PAGE = 6,
	/* Since 1.1; a null one is not asked, and what 2.6.11 does is done. */
	COWPATH_HOOK_ADD_TO_SWAP = 7,
	COWPATH_HOOK_SHRINK_LIST = 8,
	COWPATH_HOOK_COPY_ONE_PTE = 9,
	COWPATH_HOOK_GET_USER_PAGES = 10,
	COWPATH_HOOK_CHANGE_PTE_RANGE = 11,
	COWPATH_HOOKS = 12
};

typedef uint32_t (*cowpath_hook_fn)(const struct cowpath_page_view *view);

struct cowpath_policy {
	uint32_t size; /* sizeof(struct cowpath_policy) */
	uint32_t abi_version; /* COWPATH_ABI_VERSION */
	const char *manifest; /* cowpath_policy_manifest */
	const struct cowpath_rules *rules;
	cowpath_hook_fn hooks[COWPATH_HOOKS]; /* null: not defined */
};

/* The entry point, to be defined by the plugin. */
const struct cowpath_policy *cowpath_policy_v1(void);

/* Steps of do_swap_page. */
#define COWPATH_STEP_SWAP_FREE 1u
#define COWPATH_STEP_FREE_SWAP 2u
#define COWPATH_STEP_RSS 3u
#define COWPATH_STEP_DECIDE 4u
#define COWPATH_STEP_UNLOCK_PAGE 5u
#define COWPATH_STEP_SET_PTE 6u
#define COWPATH_STEP_ADD_RMAP 7u
#define COWPATH_STEP_WP_PAGE 8u

/* Bits of cowpath_rules.unuse_process. */
#define COWPATH_ACTIVATE_AFTER_PTE 1u
#define COWPATH_ACTIVATE_AT_START 2u
#define COWPATH_ACTIVATE_BEFORE_UNLOCK 4u

/* Bits of cowpath_rules.mechanisms. */
#define COWPATH_EXCLUSIVE_BIT (1u << 0)
#define COWPATH_EXCLUSIVE_MARK (1u << 1)
#define COWPATH_PIN_DIRECT_IO (1u << 2)
#define COWPATH_PIN_FUSE (1u << 3)
#define COWPATH_PIN_IO_URING (1u << 4)
#define COWPATH_PIN_USER_PAGES (1u << 5)
#define COWPATH_NO_ZERO_PAGE (1u << 6)
#define COWPATH_GUP_FAULTS_IN (1u << 7)
#define COWPATH_UNMAP_YOUNG (1u << 8)
#define COWPATH_SWAPIN_RECHECK (1u << 9)
#define COWPATH_SWAPIN_DRAIN (1u << 10)
#define COWPATH_SWAPOFF_BY_MM (1u << 11)
#define COWPATH_MIGRATION_ENTRIES (1u << 12)
#define COWPATH_ZAP_UNMAPPED (1u << 13)
#define COWPATH_LAZY_FORK (1u << 14)
#define COWPATH_UNEVICTABLE (1u << 15)
#define COWPATH_LONGTERM_UNMOVABLE (1u << 16)
#define COWPATH_ACTIVATE_FREES_SWAP (1u << 17)
#define COWPATH_COPY_FREES_SWAP (1u << 18)
#define COWPATH_MIGRATION_YOUNG_DIRTY (1u << 19)
#define COWPATH_ZAP_NO_DRAIN (1u << 20)
#define COWPATH_BACKOUT_FREES_SWAP (1u << 21)

/* Questions (view->at) and answers of the hooks. */
#define COWPATH_WP_ENTRY 0u
#define COWPATH_WP_LOCKED 1u
#define COWPATH_WP_SWAP_FREED 2u
#define COWPATH_WP_DRAINED 3u
#define COWPATH_WP_COPY 0u
#define COWPATH_WP_REUSE 1u
#define COWPATH_WP_TRYLOCK 2u
#define COWPATH_WP_LOCK 3u
#define COWPATH_WP_CAN_SHARE 4u
#define COWPATH_WP_FREE_SWAP 5u
#define COWPATH_WP_DRAIN 6u
#define COWPATH_NO 0u
#define COWPATH_YES 1u
#define COWPATH_SHARE_IF_EXCLUSIVE 2u
#define COWPATH_SHARE_AND_DELETE 3u
#define COWPATH_AT_SWAP_MAP 0u
#define COWPATH_AT_RECHECK 1u
#define COWPATH_AT_ENTRY 2u
#define COWPATH_UNMAP_ENTRY 0u
#define COWPATH_UNMAP_CLEARED 1u
#define COWPATH_UNMAP 0u
#define COWPATH_UNMAP_FAIL 1u
#define COWPATH_SWAPIN_FREE_SWAP 0u
#define COWPATH_SWAPIN_DECIDE 1u
#define COWPATH_MAP_READ_ONLY 0u
#define COWPATH_MAP_WRITABLE 1u
#define COWPATH_MAP_IF_SHARED 2u
#define COWPATH_MAP_EXCLUSIVE 3u
#define COWPATH_MAP_EXCLUSIVE_WRITABLE 4u
#define COWPATH_SWAP_ADD 0u
#define COWPATH_SWAP_KEEP 1u
#define COWPATH_SHRINK_PAGEOUT 0u
#define COWPATH_SHRINK_ACTIVATE 1u
#define COWPATH_FORK_SHARE 0u
#define COWPATH_FORK_COPY 1u
#define COWPATH_GUP_BEGIN 0u
#define COWPATH_GUP_FOUND 1u
#define COWPATH_GUP_AS_ASKED 0u
#define COWPATH_GUP_AS_WRITE 1u
#define COWPATH_GUP_TAKE 0u
#define COWPATH_GUP_UNSHARE 1u

/* Bits of flags, vm_flags and env. */
#define COWPATH_PG_LOCKED (1u << 0)
#define COWPATH_PG_REFERENCED (1u << 1)
#define COWPATH_PG_UPTODATE (1u << 2)
#define COWPATH_PG_DIRTY (1u << 3)
#define COWPATH_PG_LRU (1u << 4)
#define COWPATH_PG_ACTIVE (1u << 5)
#define COWPATH_PG_RESERVED (1u << 6)
#define COWPATH_PG_PRIVATE (1u << 7)
#define COWPATH_PG_WRITEBACK (1u << 8)
#define COWPATH_PG_SWAPCACHE (1u << 9)
#define COWPATH_PG_RECLAIM (1u << 10)
#define COWPATH_PG_ERROR (1u << 11)
#define COWPATH_PG_ANON (1u << 12)
#define COWPATH_PG_ANON_EXCLUSIVE (1u << 13)
#define COWPATH_VM_READ (1u << 0)
#define COWPATH_VM_WRITE (1u << 1)
#define COWPATH_VM_SHARED (1u << 3)
#define COWPATH_VM_MAYWRITE (1u << 5)
#define COWPATH_VM_LOCKED (1u << 13)
#define COWPATH_VM_RESERVED (1u << 19)
#define COWPATH_VM_SWAP_FULL (1u << 0)
#define COWPATH_WRITE_FAULT (1u << 1)
#define COWPATH_UNSHARE_FAULT (1u << 2)
#define COWPATH_EXCLUSIVE_ENTRY (1u << 3)
#define COWPATH_MM_HAS_PINNED (1u << 4)
#define COWPATH_GUP_WRITE (1u << 5)
#define COWPATH_GUP_PIN (1u << 6)
#define COWPATH_PTE_DIRTY (1u << 7)
#define COWPATH_FOR_MIGRATION (1u << 8)

/* What a FOLL_PIN reference adds to count. */
#define COWPATH_GUP_PIN_COUNTING_BIAS 1024u

#ifdef __cplusplus
}
#endif

#endif
