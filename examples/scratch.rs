fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let pol: Vec<_> = ["vanilla","iwamoto","hugh","hugh-mail"].iter().map(|p| cowpath::policy::resolve(p).unwrap()).collect();
    let stages = cowpath::routines::stage_names();
    for (name, _) in cowpath::scenario::builtin() {
        if !names.is_empty() && !names.iter().any(|n| n==name) { continue }
        let s = match cowpath::scenario::load_with_stages(name, &stages) { Ok(s)=>s, Err(e)=>{println!("{e}");continue} };
        let c = std::panic::catch_unwind(|| cowpath::compare::compare(&s,&pol,Default::default()));
        let Ok(c)=c else { println!("{name} PANIC"); continue };
        println!("{name:42} {}  | {}", c.traces.iter().map(|t| format!("{:12}",t.outcome.word)).collect::<String>(), c.functions().join(","));
        if !names.is_empty() {
            for (i,st) in c.traces[0].steps.iter().enumerate() {
                println!("  {:3} {:8} {:40} {}", st.number, st.actor, st.text, c.traces.iter().map(|t| format!("{:14}", t.steps.get(i).map_or("",|s|&s.result))).collect::<String>());
                if std::env::var("V").is_ok() { let k:usize=std::env::var("V").unwrap().parse().unwrap(); for e in &c.traces[k].steps[i].events { println!("        {e:?}"); } }
            }
            for t in &c.traces { println!("  {}: {} {:?}", t.policy, t.outcome.line, t.costs); }
        } else { for t in &c.traces { if t.outcome.error { println!("      {}: {}", t.policy, t.outcome.line)} } }
    }
}
