/* cowpath's step function, and the successors of the states on SPIN's way. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cowpath_peer cowpath_peer;
cowpath_peer *cowpath_open(const char *universe);
void cowpath_initial(const cowpath_peer *peer, uint64_t state[2]);
int cowpath_successors(cowpath_peer *peer, const uint64_t state[2], uint64_t (*into)[2], int most);

/* pan.c's: how many steps lead to the state. */
extern long depth;

/* A state that is being expanded; its successors are `found[begin]` to `found[end - 1]`. */
struct expanded {
	uint64_t state[2];
	size_t begin, end;
};

static cowpath_peer *machine_peer;
static struct expanded *way, *here;
static uint64_t (*found)[2];
static size_t way_room, found_room, known;

static void *machine_grow(void *old, size_t *room, size_t least, size_t size)
{
	if (least <= *room)
		return old;
	*room = 2 * least;
	old = realloc(old, *room * size);
	if (!old) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return old;
}

/* Before SPIN takes the initial state. */
static void machine_start(void)
{
	const char *universe = getenv("UNIVERSE");
	if (!universe) {
		fputs("UNIVERSE is not set\n", stderr);
		exit(2);
	}
	machine_peer = cowpath_open(universe);
	cowpath_initial(machine_peer, machine_state);
}

/* Whether the state has a successor `i`. SPIN asks for 0 when it begins with a state, and
 * for the others when it is back at the same depth: what is known there is still right,
 * unless another state has been there since. So a state is expanded once. Breadth first
 * every state is at its depth until all of its successors were taken. */
static int machine_has(int i)
{
#ifdef BFS
	const size_t at = 0;
#else
	const size_t at = depth;
#endif
	way = machine_grow(way, &way_room, at + 1, sizeof *way);
	for (; known < at; known++)
		way[known].begin = way[known].end = known ? way[known - 1].end : 0;
	here = way + at;
	if (at >= known || memcmp(here->state, machine_state, sizeof here->state)) {
		memcpy(here->state, machine_state, sizeof here->state);
		here->begin = at ? way[at - 1].end : 0;
		found = machine_grow(found, &found_room, here->begin + OPTIONS, sizeof *found);
		here->end = here->begin +
			cowpath_successors(machine_peer, machine_state, found + here->begin, OPTIONS);
		known = at + 1;
	}
	return here->begin + i < here->end;
}

static void machine_take(int i)
{
	memcpy(machine_state, found[here->begin + i], sizeof machine_state);
}
