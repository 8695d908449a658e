// Package simulate runs recorded requests through a draft of a configuration, with
// the code that decides and prices live ones: route chooses, accounting counts and
// prices. It writes nothing.
//
// What is exact: who may ask, the order of candidates (the recorded seed draws it
// again, and what a vendor was known to refuse then it is known to refuse now), and
// the price of an attempt that was recorded with the same target, which fails and ends
// the request if it did then.
//
// What is a model: a target that was not asked then is taken to answer, with as much
// text as the one that did. Its tokens are an interval: the recorded ones, by how
// many tokens each of the two models made of the same estimate elsewhere in the log
// ([Ratios]). So there are two worlds, one with the least and one with the most
// tokens, each with its own counters; what lies between their results is not known.
//
// What is left out: limits of concurrency, how leases round a limit, cooldowns that
// the draft would have caused itself, clients that would have asked again or stopped
// asking, and requests that were refused then, of which no usage is known.
package simulate
