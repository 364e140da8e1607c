//! The same model in Promela: one process with one option for each event, each a `d_step`,
//! with constants folded.
//!
//! Names: `xp` is what must be seen, `mp` mapcount, `ver` content, `sc` a frame's slot + 1,
//! `cache` a slot's frame + 1, `rcf` and `rcp` frame and phase of reclaim. The temporaries
//! are hidden from the state vector; where they cannot be (breadth first), every event ends
//! with zeros in them.

use crate::state::State;

/// Sizes of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Processes.
    pub n: usize,
    /// Virtual pages of each.
    pub v: usize,
    /// Page frames.
    pub f: usize,
    /// Swap slots.
    pub s: usize,
    /// Holders of direct IO.
    pub h: usize,
    /// Contents.
    pub c: usize,
}

/// How the text is to be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Use {
    /// Pages that somebody holds stay mapped, as in Linux 2.6.11.
    pub veto: bool,
    /// Searched breadth first, by `pan` compiled with `-DBFS`.
    pub breadth_first: bool,
}

const TEMPORARIES: [&str; 10] = ["f", "g", "s", "i", "t", "rw", "k", "sh", "hh", "b"];

const SMALL: &str = "\
inline freed(v) { cnt[v]=0; dirty[v]=0; ver[v]=0; }
inline put(v) { cnt[v]=cnt[v]-1; if :: cnt[v]==0 -> freed(v) :: else -> skip fi; }
inline swap_free(z) { smap[z]=smap[z]-1; if :: smap[z]==0 -> disk[z]=0 :: else -> skip fi; }
inline del_sc(v) { t=sc[v]-1; sc[v]=0; cache[t]=0; swap_free(t); cnt[v]=cnt[v]-1; dirty[v]=1; }
inline remove_excl(v) { if :: (sc[v]!=0 && cnt[v]==2 && smap[sc[v]-1]==1) -> del_sc(v) :: else -> skip fi; }
inline share(v) { if :: cnt[v]==1 -> sh=1 :: (cnt[v]==2 && sc[v]!=0 && smap[sc[v]-1]==1) -> sh=1 :: else -> sh=0 fi; }
inline putback(v) { rcf=0; rcp=0; put(v); }
";

impl<
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
> State<N, NV, F, S, H, C>
{
    /// The sizes, as values.
    pub const BOUNDS: Bounds = Bounds { n: N, v: NV / N, f: F, s: S, h: H, c: C };
}

/// `text` for each number below `n`, joined.
fn each(n: usize, joint: &str, text: impl Fn(usize) -> String) -> String {
    (0..n).map(text).collect::<Vec<_>>().join(joint)
}

/// `variable` becomes the first index of an array of `n` that is 0; `n` if there is none.
fn first(variable: &str, array: &str, n: usize) -> String {
    let index = (0..n).rev().fold(n.to_string(), |e, x| format!("({array}[{x}]==0 -> {x} : {e})"));
    format!("{variable}={index};")
}

/// Reclaim has the page locked.
fn locked(frame: impl std::fmt::Display) -> String {
    format!("(rcf==({frame})+1 && rcp<=3)")
}

impl Bounds {
    /// The model's text.
    #[must_use]
    pub fn promela(&self, how: Use) -> String {
        let mut options = self.store();
        options.extend(self.load());
        options.extend(self.get_user_pages());
        options.extend(self.io_complete());
        options.extend(self.fork());
        options.extend(self.exit());
        options.extend(self.isolate());
        options.push(self.reclaim(how));
        options.extend(self.migrate(how));
        options.extend(self.swapoff());
        let mut zero = String::new();
        if how.breadth_first {
            zero = TEMPORARIES.map(|name| format!("{name}=0; ")).concat();
        }
        let options: String =
            options.iter().map(|event| format!(" :: d_step {{ {event}; {zero}}}\n")).collect();
        format!(
            "{}{SMALL}{}#define INV ({})\n\
             active proctype M() {{\n alive[0]=1;\n do\n :: !(INV) -> assert(0)\n{options} od\n}}\n",
            self.variables(how),
            self.inlines(),
            self.invariant(),
        )
    }

    const fn ptes(&self) -> usize {
        self.n * self.v
    }

    /// The first pte that is a swap entry.
    const fn swp(&self) -> usize {
        1 + 3 * self.f
    }

    /// The process of a pte.
    const fn process(&self, pte: usize) -> usize {
        pte / self.v
    }

    fn free_frames(&self) -> String {
        format!("({})", each(self.f, "+", |x| format!("(cnt[{x}]==0)")))
    }

    fn free_slots(&self) -> String {
        format!("({})", each(self.s, "+", |x| format!("(smap[{x}]==0)")))
    }

    /// `vm_swap_full()`
    fn full(&self) -> String {
        format!("({}*2<{})", self.free_slots(), self.s)
    }

    /// A direct read into a process's memory is in flight.
    fn in_io(&self, process: usize) -> String {
        let pages = self.v * self.f;
        let (from, to) = (1 + process * pages, (process + 1) * pages);
        format!("({})", each(self.h, "||", |h| format!("(hold[{h}]>={from} && hold[{h}]<={to})")))
    }

    fn can_store(&self, i: usize) -> String {
        let (free, swp) = (self.free_frames(), self.swp());
        let locked = locked(format!("cache[pte[{i}]-{swp}]-1"));
        format!(
            "( pte[{i}]==0 -> {free}>=1 : ( pte[{i}]<{swp} -> ((pte[{i}]-1)%3==2 || {free}>=1) : \
             ( cache[pte[{i}]-{swp}]!=0 -> (!{locked} && {free}>=1) : {free}>=2 ) ) )"
        )
    }

    fn stays_mapped(frame: impl std::fmt::Display, how: Use) -> String {
        let veto = if how.veto {
            format!("(sc[{frame}]!=0 && cnt[{frame}]!=mp[{frame}]+2)")
        } else {
            "0".to_string()
        };
        format!("(mp[{frame}]!=0 && {veto})")
    }

    fn variables(&self, how: Use) -> String {
        let &Self { n, v, f, s, h, c } = self;
        let ptes = self.ptes();
        let hidden = if how.breadth_first { "" } else { "hidden " };
        let temporaries = TEMPORARIES.map(|name| format!("{hidden}byte {name}; ")).concat();
        format!(
            "/* N={n} V={v} F={f} S={s} H={h} C={c} */\n\
             byte alive[{n}]; byte pte[{ptes}]; byte xp[{ptes}]; byte cnt[{f}]; byte mp[{f}]; \
             byte dirty[{f}]; byte ver[{f}]; byte sc[{f}];\n\
             byte smap[{s}]; byte disk[{s}]; byte cache[{s}]; byte hold[{h}]; byte rcf; byte rcp;\n\
             {temporaries}\n"
        )
    }

    fn inlines(&self) -> String {
        let (swp, locked, full) = (self.swp(), locked("v"), self.full());
        let (frame, slot) = (first("v", "cnt", self.f), first("s", "smap", self.s));
        let unmap = each(self.ptes(), "\n ", |i| {
            format!(
                "k=pte[{i}]; if :: (k!=0 && k<{swp} && (k-1)/3==v) -> \
                 if :: (k-1)%3!=0 -> dirty[v]=1 :: else -> skip fi; \
                 smap[s]=smap[s]+1; pte[{i}]={swp}+s; mp[v]=mp[v]-1; cnt[v]=cnt[v]-1 \
                 :: else -> skip fi;"
            )
        });
        format!(
            "inline alloc(v) {{ {frame} cnt[v]=1; }}
inline wp(j,v) {{ share(v); if :: {locked} -> sh=0 :: else -> skip fi;
 if :: sh -> pte[j]=3+3*v
 :: else -> alloc(g); ver[g]=ver[v]; mp[v]=mp[v]-1; mp[g]=1; pte[j]=3+3*g; put(v) fi; }}
inline read_slot(z) {{
 if :: cache[z]==0 -> alloc(f); ver[f]=disk[z]; sc[f]=z+1; cache[z]=f+1; smap[z]=smap[z]+1
 :: else -> f=cache[z]-1 fi; }}
inline swapin(j,wr) {{ s=pte[j]-{swp}; read_slot(s); cnt[f]=cnt[f]+1; swap_free(s);
 if :: {full} -> remove_excl(f) :: else -> skip fi;
 share(f); rw=wr&&sh; pte[j]=1+3*f+2*rw; mp[f]=mp[f]+1;
 if :: (wr && !rw) -> wp(j,f) :: else -> skip fi; }}
inline fault_w(j) {{ k=pte[j];
 if :: k==0 -> alloc(f); mp[f]=1; pte[j]=3+3*f
 :: (k!=0 && k<{swp}) -> if :: (k-1)%3!=2 -> f=(k-1)/3; wp(j,f) :: else -> skip fi
 :: k>={swp} -> swapin(j,1) fi; f=(pte[j]-1)/3; }}
inline unmap_all(v) {{ s=sc[v]-1;\n {unmap} }}
inline add_to_swap(v) {{ {slot} smap[s]=1; cache[s]=v+1; sc[v]=s+1; cnt[v]=cnt[v]+1; dirty[v]=1; }}
"
        )
    }

    /// What each process sees is what it must see, and counts are those of what they count.
    fn invariant(&self) -> String {
        let swp = self.swp();
        let contents = (0..self.ptes()).map(|i| {
            format!(
                "( pte[{i}]==0 -> xp[{i}]==0 : \
                 ( pte[{i}]<{swp} -> xp[{i}]==ver[(pte[{i}]-1)/3] : \
                 ( cache[pte[{i}]-{swp}]!=0 -> xp[{i}]==ver[cache[pte[{i}]-{swp}]-1] : \
                 xp[{i}]==disk[pte[{i}]-{swp}] ) ) )"
            )
        });
        let frames = (0..self.f).flat_map(|x| {
            let (low, high, frame) = (1 + 3 * x, 3 + 3 * x, x + 1);
            let mapped = |i| format!("(pte[{i}]>={low} && pte[{i}]<={high})");
            let holds = |h| {
                let pages = |i| format!("hold[{h}]=={}", 1 + i * self.f + x);
                format!("({})", each(self.ptes(), "||", pages))
            };
            let cached = |z| format!("(cache[{z}]=={frame})");
            [
                format!("mp[{x}]=={}", each(self.ptes(), "+", mapped)),
                format!(
                    "cnt[{x}]==mp[{x}]+{}+{}+(rcf=={frame})",
                    each(self.h, "+", holds),
                    each(self.s, "+", cached)
                ),
            ]
        });
        let slots = (0..self.s).flat_map(|z| {
            let entry = |i| format!("(pte[{i}]=={})", swp + z);
            [
                format!("smap[{z}]==(cache[{z}]!=0)+{}", each(self.ptes(), "+", entry)),
                format!("(cache[{z}]!=0 -> sc[cache[{z}]-1]=={} : 1)", z + 1),
            ]
        });
        let all: Vec<_> = contents.chain(frames).chain(slots).map(|x| format!("({x})")).collect();
        all.join(" && ")
    }

    fn store(&self) -> Vec<String> {
        let store = |i| {
            let (process, can) = (self.process(i), self.can_store(i));
            let c = self.c;
            format!(
                "(alive[{process}] && {can}) -> fault_w({i}); xp[{i}]=(xp[{i}]+1)%{c}; \
                 ver[f]=xp[{i}]; f=0"
            )
        };
        (0..self.ptes()).map(store).collect()
    }

    fn load(&self) -> Vec<String> {
        let (swp, free) = (self.swp(), self.free_frames());
        let load = |i| {
            let slot = format!("pte[{i}]-{swp}");
            let (process, locked) = (self.process(i), locked(format!("cache[{slot}]-1")));
            format!(
                "(alive[{process}] && (pte[{i}]<{swp} -> 0 : \
                 (cache[{slot}]!=0 -> !{locked} : {free}>=1))) -> swapin({i},0)"
            )
        };
        (0..self.ptes()).map(load).collect()
    }

    fn get_user_pages(&self) -> Vec<String> {
        let free = each(self.h, "||", |h| format!("hold[{h}]==0"));
        let holder = first("hh", "hold", self.h);
        let get = |i| {
            let (process, can, base) = (self.process(i), self.can_store(i), 1 + i * self.f);
            format!(
                "(alive[{process}] && ({free}) && {can}) -> fault_w({i}); cnt[f]=cnt[f]+1; \
                 {holder} hold[hh]={base}+f"
            )
        };
        (0..self.ptes()).map(get).collect()
    }

    fn io_complete(&self) -> Vec<String> {
        let &Self { f, c, .. } = self;
        let complete = |h| {
            format!(
                "(hold[{h}]!=0) -> i=(hold[{h}]-1)/{f}; f=(hold[{h}]-1)%{f}; \
                 xp[i]=(xp[i]+1)%{c}; ver[f]=xp[i]; dirty[f]=1; hold[{h}]=0; put(f)"
            )
        };
        (0..self.h).map(complete).collect()
    }

    fn fork(&self) -> Vec<String> {
        let &Self { n, v, .. } = self;
        let swp = self.swp();
        let dead = each(n, "||", |q| format!("alive[{q}]==0"));
        let child = first("b", "alive", n);
        let fork = |a| {
            let in_io = self.in_io(a);
            let ptes = each(v, "; ", |page| {
                let (from, to) = (a * v + page, format!("b*{v}+{page}"));
                format!(
                    "k=pte[{from}]; xp[{to}]=xp[{from}]; \
                     if :: k>={swp} -> smap[k-{swp}]=smap[k-{swp}]+1 \
                     :: (k!=0 && k<{swp}) -> f=(k-1)/3; \
                     if :: (k-1)%3==2 -> pte[{from}]=k-1 :: else -> skip fi; \
                     cnt[f]=cnt[f]+1; mp[f]=mp[f]+1 \
                     :: k==0 -> skip fi; pte[{to}]=pte[{from}]"
                )
            });
            format!("(alive[{a}] && ({dead}) && !{in_io}) -> {child} alive[b]=1; {ptes}")
        };
        (0..n).map(fork).collect()
    }

    fn exit(&self) -> Vec<String> {
        let (swp, full, locked) = (self.swp(), self.full(), locked("f"));
        let alive = each(self.n, "+", |q| format!("alive[{q}]"));
        let exit = |a| {
            let in_io = self.in_io(a);
            let ptes = each(self.v, "; ", |page| {
                let i = a * self.v + page;
                format!(
                    "k=pte[{i}]; if :: k>={swp} -> s=k-{swp}; swap_free(s); \
                     if :: (smap[s]==1 && cache[s]!=0) -> f=cache[s]-1; \
                     if :: (!{locked} && (cnt[f]==1 || {full})) -> \
                     cnt[f]=cnt[f]+1; del_sc(f); put(f) :: else -> skip fi :: else -> skip fi \
                     :: (k!=0 && k<{swp}) -> f=(k-1)/3; \
                     if :: (k-1)%3!=0 -> dirty[f]=1 :: else -> skip fi; mp[f]=mp[f]-1; \
                     if :: !{locked} -> remove_excl(f) :: else -> skip fi; put(f) \
                     :: k==0 -> skip fi; pte[{i}]=0; xp[{i}]=0"
                )
            });
            format!("(alive[{a}] && ({alive})>=2 && !{in_io}) -> alive[{a}]=0; {ptes}")
        };
        (0..self.n).map(exit).collect()
    }

    fn isolate(&self) -> Vec<String> {
        let isolate = |x: usize| {
            let frame = x + 1;
            format!(
                "(rcf==0 && (mp[{x}]!=0 || sc[{x}]!=0)) -> cnt[{x}]=cnt[{x}]+1; \
                 rcf={frame}; rcp=1"
            )
        };
        (0..self.f).map(isolate).collect()
    }

    fn reclaim(&self, how: Use) -> String {
        let (free_slots, stays_mapped) = (self.free_slots(), Self::stays_mapped("f", how));
        format!(
            "(rcf!=0) -> f=rcf-1;
  if :: rcp==1 -> if :: sc[f]!=0 -> rcp=2
   :: else -> if :: (mp[f]==0 || {free_slots}==0) -> putback(f) :: else -> add_to_swap(f); rcp=2 fi fi
  :: rcp==2 -> if :: {stays_mapped} -> putback(f) :: else -> unmap_all(f); rcp=3 fi
  :: rcp==3 -> if :: dirty[f]!=0 -> disk[sc[f]-1]=ver[f]; dirty[f]=0 :: else -> skip fi; rcp=4
  :: else -> if :: (sc[f]!=0 && cnt[f]==2 && dirty[f]==0) ->
    s=sc[f]-1; sc[f]=0; cache[s]=0; swap_free(s); freed(f); rcf=0; rcp=0
   :: else -> putback(f) fi
  fi"
        )
    }

    fn migrate(&self, how: Use) -> Vec<String> {
        let (free, free_slots) = (self.free_frames(), self.free_slots());
        let stays_mapped = Self::stays_mapped("f", how);
        let migrate = |x: usize| {
            let frame = x + 1;
            format!(
                "(rcf!={frame} && (mp[{x}]!=0 || sc[{x}]!=0) && {free}>=1 && \
                 (sc[{x}]!=0 || {free_slots}>=1)) -> f={x};
  if :: sc[f]==0 -> add_to_swap(f) :: else -> skip fi; cnt[f]=cnt[f]+1;
  if :: {stays_mapped} -> cnt[f]=cnt[f]-1
  :: else -> unmap_all(f);
   if :: cnt[f]==2 -> alloc(g); ver[g]=ver[f]; dirty[g]=dirty[f]; sc[g]=sc[f];
    cache[sc[f]-1]=g+1; sc[f]=0; freed(f)
   :: else -> cnt[f]=cnt[f]-1 fi fi"
            )
        };
        (0..self.f).map(migrate).collect()
    }

    fn swapoff(&self) -> Vec<String> {
        let (swp, free) = (self.swp(), self.free_frames());
        let swapoff = |z| {
            let (entry, locked) = (swp + z, locked(format!("cache[{z}]-1")));
            let ptes = each(self.ptes(), "; ", |i| {
                format!(
                    "if :: pte[{i}]=={entry} -> pte[{i}]=1+3*f; mp[f]=mp[f]+1; \
                     cnt[f]=cnt[f]+1; smap[{z}]=smap[{z}]-1 :: else -> skip fi"
                )
            });
            format!(
                "(smap[{z}]!=0 && (cache[{z}]!=0 -> !{locked} : {free}>=1)) -> \
                 read_slot({z}); cnt[f]=cnt[f]+1; {ptes}; del_sc(f); put(f)"
            )
        };
        (0..self.s).map(swapoff).collect()
    }
}
