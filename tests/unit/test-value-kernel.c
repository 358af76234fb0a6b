/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values with what is the kernel's in them: objects that they own, lists, trees, timers. */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "btf-build.h"
#include "btf/value.h"
#include "value-text.h"

/* ---- kernel memory: one page */

#define BASE 0xffff888000001000ull

static uint8_t page[4096];

static size_t read_page(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr >= BASE + sizeof(page))
		return 0;
	len = MIN(len, (size_t)(BASE + sizeof(page) - addr));
	memcpy(buf, page + (addr - BASE), len);
	return len;
}

static void put(size_t at, uint64_t v)
{
	memcpy(page + at, &v, sizeof(v));
}

static bool is_kernels(void *ctx, const char *type)
{
	(void)ctx;
	return !strcmp(type, "task_struct");
}

static const char *describe(void *ctx, const char *type, uint64_t addr, struct pool *pool)
{
	(void)ctx;
	return pool_printf(pool, "%s at %#jx", *type ? type : "code", (uintmax_t)addr);
}

/* CPU 1 is not there. */
static bool percpu(void *ctx, uint64_t addr, unsigned int cpu, uint64_t *ret)
{
	(void)ctx;
	*ret = addr + 0x100 * cpu;
	return cpu != 1;
}

#define MEMBER(o) { .present = true, .off = o, .size = 8 }

static struct value_kernel kernel = {
	.list_next = MEMBER(0), .list_prev = MEMBER(8), .list_owner = MEMBER(16),
	.tree_right = MEMBER(8), .tree_left = MEMBER(16), .tree_owner = MEMBER(24),
	.timer_queued = { .present = true, .off = 8, .size = 1 }, .timer_expires = MEMBER(16), .timer_base = MEMBER(24),
	.timer_fn = MEMBER(32), .timer_prog = MEMBER(40),
	.clock_id = { .present = true, .off = 4, .size = 4 },
	.work_data = MEMBER(0), .work_fn = MEMBER(8),
	.tw_state = { .present = true, .off = 0, .size = 4 }, .tw_task = MEMBER(8), .tw_fn = MEMBER(16),
};

static struct value_env env = {
	.nr_cpus = 3, .read_kernel = read_page, .read_chain = read_page, .kernel = &kernel,
	.is_kernels = is_kernels, .describe = describe, .percpu = percpu,
};

/* ---- types */

static struct {
	struct types *types;
	uint32_t timer, wq, task_work, list, tree, bare, owns[4], owns_task;
} t;

static uint32_t tagged(struct btf_build *b, const char *tag, uint32_t to)
{
	return btf_build_ptr(b, btf_build_ref(b, BTF_KIND_TYPE_TAG, tag, to));
}

static void make_types(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u64 = btf_build_int(&b, "u64", 8, 0);
	uint32_t opaque[3];
	for (uint32_t n = 2; n <= 4; n++)
		opaque[n - 2] = btf_build_array(&b, u64, u64, n);
	t.timer = btf_build_struct(&b, "bpf_timer", 16);
	btf_build_member(&b, "__opaque", opaque[0], 0);
	t.wq = btf_build_struct(&b, "bpf_wq", 16);
	btf_build_member(&b, "__opaque", opaque[0], 0);
	t.task_work = btf_build_struct(&b, "bpf_task_work", 8);
	btf_build_member(&b, "__opaque", u64, 0);
	uint32_t head = btf_build_struct(&b, "bpf_list_head", 16);
	btf_build_member(&b, "__opaque", opaque[0], 0);
	uint32_t root = btf_build_struct(&b, "bpf_rb_root", 16);
	btf_build_member(&b, "__opaque", opaque[0], 0);
	uint32_t list_node = btf_build_struct(&b, "bpf_list_node", 24);
	btf_build_member(&b, "__opaque", opaque[1], 0);
	uint32_t tree_node = btf_build_struct(&b, "bpf_rb_node", 32);
	btf_build_member(&b, "__opaque", opaque[2], 0);

	uint32_t item = btf_build_struct(&b, "item", 32);
	btf_build_member(&b, "n", u64, 0);
	btf_build_member(&b, "node", list_node, 64);
	uint32_t leaf = btf_build_struct(&b, "leaf", 40);
	btf_build_member(&b, "node", tree_node, 0);
	btf_build_member(&b, "key", u64, 256);
	/* Two heads in an array share the tag of the member. */
	uint32_t heads = btf_build_array(&b, head, u64, 2);
	t.list = btf_build_struct(&b, "lists", 40);
	btf_build_member(&b, "before", u64, 0);
	btf_build_member(&b, "heads", heads, 64);
	btf_build_decl_tag(&b, "unrelated", t.list, 1);
	btf_build_decl_tag(&b, "contains:item:node", t.list, 1);
	uint32_t var = btf_build_var(&b, "tree", root, 1);
	btf_build_decl_tag(&b, "contains:leaf:node", var, -1);
	t.tree = btf_build_datasec(&b, ".data.x", 16);
	btf_build_secvar(&b, var, 0, 16);
	t.bare = btf_build_struct(&b, "bare", 16);
	btf_build_member(&b, "head", head, 0);
	btf_build_decl_tag(&b, "contains:nothing:node", t.bare, 0);

	uint32_t own = btf_build_struct(&b, "own", 8);
	btf_build_member(&b, "id", u64, 0);
	uint32_t task = btf_build_struct(&b, "task_struct", 8);
	btf_build_member(&b, "id", u64, 0);
	t.owns[0] = tagged(&b, "kptr", own);
	t.owns[1] = tagged(&b, "uptr", task);
	t.owns[2] = tagged(&b, "percpu_kptr", own);
	t.owns[3] = btf_build_ptr(&b, own);
	t.owns_task = tagged(&b, "kptr", task);
	/* The kernel's, in the same blob. */
	kernel.tw_state.type_id = btf_build_enum(&b, "bpf_task_work_state", 4, false);
	btf_build_enumerator(&b, "BPF_TW_SCHEDULED", 3);
	kernel.types = t.types = btf_build_types(&b);
	(void)item;
	(void)leaf;
}

static void expect(uint32_t id, const void *data, size_t len, const char *want, unsigned int line)
{
	struct pool pool = { 0 };
	struct value *v = NULL;

	ASSERT_OK(value_render(t.types, id, data, len, &env, &pool, &v));
	_cleanup_free_ char *text = value_text(v);
	char what[2048];
	snprintf(what, sizeof(what), "wanted %s, got %s", want, text);
	CU_assertImplementation(!strcmp(text, want), line, what, __FILE__, "", CU_FALSE);
	pool_deinit(&pool);
}

#define EXPECT(id, words, want) expect(id, words, sizeof(words), want, __LINE__)

/* ---- */

static void test_pointers(void)
{
	const uint64_t there[] = { BASE + 0x40 }, gone[] = { 0xffff999900000000ull }, none[] = { 0 };

	put(0x40, 0x2a);
	EXPECT(t.owns[0], there, "p0xffff888000001040->own{id=u64:42}");
	EXPECT(t.owns[0], gone, "p0xffff999900000000->!(cannot read 0xffff999900000000)");
	EXPECT(t.owns[0], none, "p0");
	/* Of a type of the kernel's name: the user's memory all the same, but no object that is the kernel's. */
	EXPECT(t.owns[1], there, "p0xffff888000001040->task_struct{id=u64:42}");
	EXPECT(t.owns_task, there, "p0xffff888000001040(task_struct at 0xffff888000001040)");
	/* Untagged: nobody vouches for it. */
	EXPECT(t.owns[3], there, "p0xffff888000001040");
	put(0x40, BASE + 0x100);
	put(0x100, 7);
	put(0x300, 9);
	EXPECT(t.owns[2], there, "p0xffff888000001040->[3| own{id=u64:7} !(no CPU 1) own{id=u64:9}]");
	CU_ASSERT(value_has_pointers(t.types, t.owns[0]));
	CU_ASSERT(value_has_pointers(t.types, t.timer));
	CU_ASSERT(value_has_pointers(t.types, t.list));
}

static void test_timers(void)
{
	const uint64_t started[] = { BASE + 0x40, 0 }, gone[] = { 0xffff999900000000ull, 0 }, none[] = { 0, 0 };

	put(0x40, 0);
	put(0x48, 1);
	put(0x50, 123456);
	put(0x58, BASE + 0x80);
	put(0x60, 0xffffffffc0000000);
	put(0x68, 0);
	put(0x80, 7ull << 32);
	EXPECT(t.timer, started,
	       "bpf_timer{timer=p0xffff888000001040->bpf_hrtimer{queued=true expires=u64:123456 clockid=u64:7 "
	       "callback_fn=p0xffffffffc0000000(code at 0xffffffffc0000000) prog=p0}}");
	EXPECT(t.timer, gone, "bpf_timer{timer=p0xffff999900000000!(cannot read 0xffff999900000000)}");
	EXPECT(t.timer, none, "bpf_timer{timer=p0}");
	put(0x40, 0x60); /* not pending */
	put(0x48, 0);
	EXPECT(t.wq, started, "bpf_wq{work=p0xffff888000001040->bpf_work{pending=false callback_fn=p0}}");
	put(0x40, 3);
	put(0x48, BASE);
	put(0x50, 0);
	expect(t.task_work, started, 8,
	       "bpf_task_work{ctx=p0xffff888000001040->bpf_task_work_ctx{state=e32:3 BPF_TW_SCHEDULED "
	       "task=p0xffff888000001000(task_struct at 0xffff888000001000) callback_fn=p0}}", __LINE__);
	/* Short of bytes: as the program has it. */
	expect(t.timer, started, 8, "cut(16,8 bpf_timer{__opaque=cut(16,8 [2| u64:18446612682070036544 cut(8,0 x())])})",
	       __LINE__);
}

/* An item at a place of the page, between two others; node is at 8. */
static void link_item(size_t at, uint64_t n, uint64_t next, uint64_t prev, uint64_t owner)
{
	put(at, n);
	put(at + 8, next);
	put(at + 16, prev);
	put(at + 24, owner);
}

#define ITEM(n, next, prev, owner) \
	"item{n=u64:" n " node=bpf_list_node{next=p" next " prev=p" prev " owner=p" owner "}}"
#define FIRST "0xffff888000001048"
#define SECOND "0xffff888000001088"
#define HEAD "0xffff888000001208"
#define BOTH "first=p" FIRST " last=p" SECOND
#define ITEM1 "p0xffff888000001040->" ITEM("1", SECOND, HEAD, HEAD)
#define LISTS(objects, ends) \
	"lists{before=u64:5 heads=[2| bpf_list_head{" ends " objects=" objects "} " \
	"bpf_list_head{first=p0 last=p0 objects=[0|]}]}"

static void test_lists(void)
{
	const uint64_t head = BASE + 0x208, two[] = { 5, BASE + 0x48, BASE + 0x88, 0, 0 };
	const uint64_t empty[] = { 5, head, head, 0, 0 };

	link_item(0x40, 1, BASE + 0x88, head, head);
	link_item(0x80, 2, head, BASE + 0x48, head);
	put(0x208, head); /* the empty list's own */
	EXPECT(t.list, two,
	       LISTS("[2| " ITEM1 " p0xffff888000001080->" ITEM("2", HEAD, FIRST, HEAD) "]", BOTH));
	EXPECT(t.list, empty, LISTS("[0|]", "first=p" HEAD " last=p" HEAD));
	/* One at the very beginning of what can be read, where an item would not fit. */
	const uint64_t edge[] = { 5, BASE, BASE, 0, 0 };
	put(0, BASE);
	EXPECT(t.list, edge, LISTS("[0|]", "first=p0xffff888000001000 last=p0xffff888000001000"));
	env.max_elements = 1;
	/* Of the array of heads there is but one, too. */
	EXPECT(t.list, two,
	       "lists{before=u64:5 heads=[2| bpf_list_head{" BOTH " objects=[2| " ITEM1 " !(more objects follow)]}]}");
	env.max_elements = 0;

	/* What is being changed, or broken. */
	put(0x90, head);
	EXPECT(t.list, two,
	       LISTS("[2| " ITEM1 " !(the node at " SECOND " has " HEAD " behind it)]", BOTH));
	put(0x90, BASE + 0x48);
	put(0x98, head + 16);
	EXPECT(t.list, two,
	       LISTS("[2| " ITEM1 " !(the node at " SECOND " belongs to 0xffff888000001218)]", BOTH));
	put(0x98, head);
	put(0x48, 0xffff999900000000);
	EXPECT(t.list, two,
	       LISTS("[2| p0xffff888000001040->" ITEM("1", "0xffff999900000000", HEAD, HEAD)
		     " !(cannot read the node at 0xffff999900000000)]", BOTH));
	/* One that leads back into itself ends: its predecessor is another then. */
	put(0x48, BASE + 0x88);
	put(0x88, BASE + 0x48);
	EXPECT(t.list, two,
	       LISTS("[3| " ITEM1 " p0xffff888000001080->" ITEM("2", FIRST, FIRST, HEAD)
		     " !(the node at " FIRST " has " HEAD " behind it)]", BOTH));
	/* Nobody knows what is in it. */
	const uint64_t bare[] = { BASE + 0x48, BASE + 0x88 };
	EXPECT(t.bare, bare, "bare{head=bpf_list_head{__opaque=[2| u64:18446612682070036552 u64:18446612682070036616]}}");
}

static void plant(size_t at, uint64_t key, uint64_t left, uint64_t right, uint64_t owner)
{
	put(at + 8, right);
	put(at + 16, left);
	put(at + 24, owner);
	put(at + 32, key);
}

#define LEAF(at, key, left, right) \
	"p0xffff888000001" at "->leaf{node=bpf_rb_node{left=p" left " right=p" right " owner=p0xffff888000001400} key=u64:" key "}"
#define ROOT "bpf_rb_root{root=p0xffff888000001080 leftmost=p0xffff888000001040 objects="

static void test_trees(void)
{
	const uint64_t owner = BASE + 0x400, root[] = { BASE + 0x80, BASE + 0x40 }, empty[] = { 0, 0 };

	plant(0x80, 20, BASE + 0x40, BASE + 0xc0, owner);
	plant(0x40, 10, 0, 0, owner);
	plant(0xc0, 30, 0, 0, owner);
	EXPECT(t.tree, root,
	       ".data.x{tree=" ROOT "[3| " LEAF("040", "10", "0", "0") " "
	       LEAF("080", "20", "0xffff888000001040", "0xffff8880000010c0") " " LEAF("0c0", "30", "0", "0") "]}}");
	EXPECT(t.tree, empty, ".data.x{tree=bpf_rb_root{root=p0 leftmost=p0 objects=[0|]}}");
	/* Its left side leads back to itself. */
	plant(0x40, 10, BASE + 0x40, 0, owner);
	EXPECT(t.tree, root, ".data.x{tree=" ROOT "[1| !(higher than a tree can be)]}}");
	plant(0x40, 10, 0, 0, owner + 8);
	EXPECT(t.tree, root,
	       ".data.x{tree=" ROOT "[1| !(the node at 0xffff888000001040 belongs to 0xffff888000001408)]}}");
	/* Its right side does: there is an end to what is shown of it. */
	plant(0x40, 10, 0, 0, owner);
	plant(0xc0, 30, 0, BASE + 0x80, owner);
	env.max_elements = 4;
	struct pool pool = { 0 };
	struct value *v = NULL;
	ASSERT_OK(value_render(t.types, t.tree, root, sizeof(root), &env, &pool, &v));
	CU_ASSERT_EQUAL(v->st.members[0].value->st.members[2].value->arr.nr, 5);
	pool_deinit(&pool);
	env.max_elements = 0;
}

static void test_end(void)
{
	types_destroy(t.types);
}

UNIT_MAIN("value-kernel", { "types", make_types }, { "what is owned", test_pointers }, { "timers and works", test_timers },
	  { "lists", test_lists }, { "trees", test_trees }, { "end", test_end })
