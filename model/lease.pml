/* The life of a change of one key, from its commit to its receipt, with gateway
 * nodes that hold leases and consoles whose barrier waits for them. spin(1)
 * walks through every order in which this can happen. How it is run, and with
 * which -D, stands in model/run; the code is in internal/cluster.
 *
 * Time is counted in ticks of real time. LEASE is how long a node's lease lasts
 * at most: its length and what the slowest clock adds. WAIT is how long a
 * barrier waits at least, by the fastest clock. Each -DM_... breaks one rule.
 *
 * S1  a node that holds a lease decides by a version at least as new as every
 *     change that has its receipt.
 * S2  (-DMASK -DCHECK_S2) no node answers by a change while another still
 *     answers without it.
 * I3  (-DCHECK_I3) what is confirmed is applied by every node with a lease. */
#ifndef LEASE
#define LEASE 2
#endif
#ifndef WAIT
#define WAIT LEASE
#endif
#ifndef CHANGES
#define CHANGES 2
#endif
#ifndef CONSOLES
#define CONSOLES 1
#endif
#define NODES 2
#define UP(a, b) ((a) > (b) -> (a) : (b))

/* The database: authority and gateway_node. A statement is atomic; commits are
 * in the order of their revisions, since each holds the authority's row. */
byte newest = 0, confirmed = 0;
bool row[NODES];
byte reported[NODES];             /* gateway_node.applied_rev */

byte receipt = 0;                 /* the newest change that an owner was told of */

/* The nodes: ticks that are left of the lease, and of one that is being asked
 * for; the newest revision applied; the version in the table. */
byte lease[NODES], asked[NODES], applied[NODES], version[NODES];
bool loaded[NODES], up[NODES];

/* The barriers: ticks since the wait began. */
byte waited[CONSOLES]; bool waiting[CONSOLES];

/* After a failover a node or a console may still talk to the old primary, which
 * answers what it knew and can commit nothing. */
bool failed = 0, astray[NODES];
byte oldnewest = 0, oldreported[NODES]; bool oldrow[NODES];

#ifdef MASK
byte known[NODES];                /* what the node knows to be confirmed */
#define LEARN(i, c) known[i] = UP(known[i], c)
#define DECIDES(i) (lease[i] > 0 && loaded[i] && version[i] <= known[i])
#else
#define LEARN(i, c) skip
#define DECIDES(i) (lease[i] > 0 && loaded[i])
#endif

#define APPLY(i, r, c) applied[i] = UP(applied[i], r); version[i] = (loaded[i] -> UP(version[i], r) : 0); LEARN(i, c)
#define STOP(i) lease[i] = 0; asked[i] = 0; up[i] = 0; loaded[i] = 0; applied[i] = 0; version[i] = 0

active proctype clock() {
  byte i;
  do
  :: atomic {
       for (i : 0 .. NODES-1) {
         lease[i] = (lease[i] > 0 -> lease[i]-1 : 0);
         asked[i] = (asked[i] > 0 -> asked[i]-1 : 0)
       }
       for (i : 0 .. CONSOLES-1) { waited[i] = ((waiting[i] && waited[i] < WAIT) -> waited[i]+1 : waited[i]) }
       i = 0
     }
  od
}

proctype gateway(byte i) {
  byte r, c;
start:
#ifdef M_LOAD_BEFORE_REGISTER
  atomic { asked[i] = LEASE; r = newest; c = confirmed };
  atomic { row[i] = 1; reported[i] = 0 };
#else
  atomic { row[i] = 1; reported[i] = 0 };                    /* committed: from here on changes wait for it */
  atomic { asked[i] = LEASE; r = newest; c = confirmed };    /* what was committed before is loaded */
#endif
  atomic { loaded[i] = 1; up[i] = 1; APPLY(i, r, c); lease[i] = asked[i]; asked[i] = 0; r = 0; c = 0 };
  do
  :: asked[i] = LEASE;                                       /* the clock is read before anything is sent */
     if
     :: atomic { !(failed && astray[i]) -> r = newest; c = confirmed; reported[i] = applied[i] }
#ifdef M_READONLY_RENEW
     :: atomic { failed && astray[i] -> r = oldnewest; c = 0 }
#endif
     :: atomic { asked[i] = 0; goto again }                  /* the question is lost */
     fi;
     if
#ifdef M_EXTEND_BEFORE_APPLY
     :: lease[i] = UP(lease[i], asked[i]);
        atomic { APPLY(i, r, c); asked[i] = 0 }
#else
     :: atomic {
          APPLY(i, r, c);
#ifdef M_LEASE_FROM_REPLY
          lease[i] = LEASE;
#else
          lease[i] = UP(lease[i], asked[i]);
#endif
          asked[i] = 0 }
#endif
     :: asked[i] = 0                                         /* the answer is lost */
     fi;
again:
     atomic { r = 0; c = 0 }
#ifdef CRASH
  :: atomic { STOP(i); r = 0; c = 0; goto start }            /* SIGKILL; its row stays */
#endif
#ifdef LEAVE
#ifdef M_LEAVE_BEFORE_DRAIN
  :: row[i] = 0; atomic { STOP(i); goto start }
#else
  :: atomic { STOP(i) }; row[i] = 0; goto start
#endif
#endif
#ifdef EVICT
  :: atomic { loaded[i] -> loaded[i] = 0; version[i] = 0 }   /* the key is dropped from the table */
#endif
  od
}

#ifdef EVICT
/* A key that is not in the table is read, and put there later. */
proctype fill(byte i) {
  byte r;
  do
  :: atomic { up[i] && !loaded[i] -> r = newest };
     atomic {
#ifdef M_FILL_UNCHECKED
       if :: up[i] -> version[i] = r; loaded[i] = 1 :: else fi;
#else
       if :: up[i] && r >= applied[i] -> version[i] = r; loaded[i] = 1 :: else fi;
#endif
       r = 0 }
  od
}
#endif

/* CONFIRMS: node i does not hold this barrier up; m: its row when it was read. */
#define CONFIRMS(i) (!m[i] || reported[i] >= rev)

proctype console(byte k) {
  byte own, rev, i; bool m[NODES];
  do
  :: atomic { newest < CHANGES -> newest++; own = newest
#ifdef M_WAIT_BEFORE_READ
       ; waited[k] = 0; waiting[k] = 1
#endif
     };
     rev = newest;                                           /* may hold changes of the other console */
#ifdef M_OLD_BARRIER
     if :: atomic { failed -> rev = oldnewest } :: skip fi;
#endif
#ifndef M_WAIT_BEFORE_READ
     atomic { waited[k] = 0; waiting[k] = 1 };
#endif
     atomic { for (i : 0 .. NODES-1) { m[i] = row[i] } i = 0 };
     if
     :: waited[k] >= WAIT
     :: atomic { CONFIRMS(0) && CONFIRMS(1) }
#ifdef M_NO_BARRIER_ON_ACTIVATE
     :: own % 2 == 0
#endif
#ifdef M_SKIP_SILENT
     :: atomic { (CONFIRMS(0) || reported[0] == 0) && (CONFIRMS(1) || reported[1] == 0) }
#endif
#ifdef M_OLD_BARRIER
     :: atomic { failed && (!oldrow[0] || oldreported[0] >= rev) && (!oldrow[1] || oldreported[1] >= rev) }
#endif
     fi;
     confirmed = UP(confirmed, rev);
     atomic {
       receipt = UP(receipt, own); waiting[k] = 0; waited[k] = 0; own = 0; rev = 0;
       for (i : 0 .. NODES-1) { m[i] = 0 } i = 0 }
  :: atomic { newest >= CHANGES -> break }
  od
}

#ifdef FAILOVER
active proctype failover() {
  byte i;
  atomic {
    failed = 1; oldnewest = newest;
    for (i : 0 .. NODES-1) {
      oldrow[i] = row[i]; oldreported[i] = reported[i];
      if :: astray[i] = 1 :: skip fi
    }
    i = 0
  }
}
#endif

#define STALE(i) (lease[i] > 0 && loaded[i] && version[i] < receipt)
active proctype s1() { atomic { (STALE(0) || STALE(1)) -> assert(false) } }

#ifdef CHECK_I3
#define BEHIND(i) (lease[i] > 0 && loaded[i] && applied[i] < confirmed)
active proctype i3() { atomic { (BEHIND(0) || BEHIND(1)) -> assert(false) } }
#endif

#ifdef CHECK_S2
#define TURNED(i, j) (DECIDES(i) && DECIDES(j) && version[j] < version[i])
active proctype s2() { atomic { (TURNED(0, 1) || TURNED(1, 0)) -> assert(false) } }
#endif

init {
  byte i;
  atomic {
    for (i : 0 .. NODES-1) {
      run gateway(i);
#ifdef EVICT
      run fill(i)
#endif
    }
    for (i : 0 .. CONSOLES-1) { run console(i) }
  }
}
