using System.Net;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// Gives blocks of outside ports to hosts and takes them back. A worker whose packet needs one keeps the packet and says so; the block is chosen here, written to the ledger, and shown to the workers when it is
/// stored there. Blocks without flows are found by looking through the sessions, a slice each second: nothing is counted with each flow. Under the dataplane's gate, but for <see cref="Flush"/>.
/// </summary>
internal sealed unsafe class BlockBook(Epochs epochs, Func<uint, string?> nameOfVrf, Func<string?, uint> numberOfVrf, Action<uint> letGo)
{
    public const string Idle = "idle", RuleChanged = "rule-changed";

    /// <summary>Sessions that are looked at in one go.</summary>
    private const uint Slice = 65_536;

    /// <summary>Blocks on their way to the ledger; more wait for their hosts' next packets.</summary>
    private const int MostOnTheWay = 4096;

    /// <summary>Releases written at once.</summary>
    private const int Batch = 2000;

    /// <summary>A host whose wish could not be met is not heard again for so long, ns.</summary>
    private const long Pause = 500_000_000;

    private readonly Dictionary<string, Pool> _pools = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, Pool> _byId = [];
    private readonly Dictionary<uint, BlockPool> _byAddress = [];
    private readonly Queue<Assignment> _assignments = new();
    private readonly List<Leaving> _leaving = [];

    /// <summary>Blocks that some worker may still be using: they leave when every worker has heard that it should not.</summary>
    private List<Leaving> _hidden = [];

    private readonly List<List<Leaving>> _passing = [];

    /// <summary>Outside addresses of blocks on their way out that no pool knows, with their number: nothing is given there until the ledger knows that they are free.</summary>
    private readonly Dictionary<uint, int> _strayAddresses = [];
    private List<NatBlock> _resumed = [];
    private int _onTheWay;
    private uint _look = 1;
    private int _worker;
    private uint _slot = 1;
    private bool _mayLook = true;
    private bool _writing;

    private sealed class Pool(NatRule.Source rule, BlockPool blocks)
    {
        public NatRule.Source Rule { get; set; } = rule;

        public BlockPool Blocks { get; } = blocks;

        public long Exhausted { get; set; }
    }

    private readonly record struct Assignment(Pool Pool, int Block, ulong Host, NatBlock What);

    /// <summary>A block that is to be released: of a pool, or of one that is gone.</summary>
    private readonly record struct Leaving(Pool? Pool, int Block, NatBlock What, string Reason);

    /// <summary>Null: nobody keeps account, blocks are given at once.</summary>
    public INatLedger? Ledger { get; set; }

    /// <summary>A block that no flow uses stays its host's for so long (RFC 6888 REQ-8: a port is not given to another for 120 seconds).</summary>
    public TimeSpan Hold { get; set; } = TimeSpan.FromSeconds(120);

    public NatBlockCounts Counts { get; private set; }

    /// <summary>The blocks of a rule; null when it gives none.</summary>
    public BlockPool? PoolOf(NatRule.Source rule) => _pools.TryGetValue(rule.Name, out var pool) ? pool.Blocks : null;

    public NatBlockUsage? UsageOf(string rule) => _pools.TryGetValue(rule, out var pool)
        ? new NatBlockUsage(pool.Blocks.Size, pool.Blocks.Count, pool.Blocks.Taken, pool.Blocks.Hosts, pool.Exhausted)
        : null;

    /// <summary>The blocks that hosts have, by what the ledger was told; a rule's or all.</summary>
    public IEnumerable<NatBlock> Blocks(string? rule) =>
        _pools.Values.Where(p => rule is null || p.Rule.Name == rule).SelectMany(p => p.Blocks.All.Where(b => p.Blocks[b].State is BlockState.Active or BlockState.Retiring).Select(b => What(p, b)));

    /// <summary>The blocks that hosts had when the process before ended: their rules find them when they are set. Those that no rule finds are released.</summary>
    public void Resume(IEnumerable<NatBlock> blocks) => _resumed = [.. blocks];

    /// <summary>What a packet waits by that needs a block for this host.</summary>
    public static uint HoldKey(uint host, uint vrf) => 0x8000_0000 | (host * 0x9E37_79B9u ^ vrf * 0x85EB_CA6Bu) >> 1;

    /// <summary>These are the rules from now on. Blocks that a rule still gives stay with their hosts.</summary>
    public void SetRules(IEnumerable<NatRule.Source> rules, Func<NatRule, uint> idOf)
    {
        var before = new Dictionary<string, Pool>(_pools, StringComparer.Ordinal);
        _pools.Clear();
        _byId.Clear();
        _byAddress.Clear();
        foreach (var rule in rules.Where(r => r.BlockSize > 0))
        {
            var pool = before.Remove(rule.Name, out var old) && SaysTheSame(old.Rule, rule) ? old : new Pool(rule, NewBlocks(rule));
            pool.Rule = rule;
            pool.Blocks.PerHost = rule.BlocksPerHost;
            pool.Blocks.SetFull(0);
            _pools[rule.Name] = pool;
            _byId[idOf(rule)] = pool;
            foreach (var address in pool.Blocks.Addresses) _byAddress[address] = pool.Blocks;
            if (old is not null && old != pool) Move(old, pool);
            Adopt(pool);
            foreach (var block in pool.Blocks.All.Where(b => !IsOf(rule, Address((uint)pool.Blocks[b].Host), nameOfVrf((uint)(pool.Blocks[b].Host >> 32)))).ToList()) Release(pool, block, RuleChanged);
        }

        foreach (var gone in before.Values) Move(gone, null);
        foreach (var stray in _resumed) LetStray(stray);
        _resumed = [];
        LetLeave();
    }

    /// <summary>A host has no port left, or no block yet.</summary>
    /// <param name="seen">The blocks that the worker knew of.</param>
    public void Wanted(uint rule, uint host, uint vrf, int seen)
    {
        if (!_byId.TryGetValue(rule, out var pool)) return;
        var (blocks, key, now) = (pool.Blocks, BlockPool.HostKey(host, vrf), WorkerContext.Clock());
        var of = blocks.BlocksOf(key);
        foreach (var block in of)
        {
            switch (blocks[block].State)
            {
                // It comes, and lets the host's packets go.
                case BlockState.Assigning:
                    return;
                case BlockState.Retiring:
                    Revive(blocks, block, now);
                    letGo(HoldKey(host, vrf));
                    return;
            }
        }

        // Another packet has asked for the same.
        if (of.Count > seen)
        {
            letGo(HoldKey(host, vrf));
            return;
        }

        var found = of.Count < blocks.PerHost ? blocks.FindFree(key) : -1;
        var canWrite = found < 0 || (_onTheWay < MostOnTheWay && !_strayAddresses.ContainsKey(blocks.At(found).Outside));
        if (found < 0 || !canWrite)
        {
            if (found < 0)
            {
                pool.Exhausted++;
                Counts = Counts with { Exhausted = Counts.Exhausted + 1 };
            }
            else
            {
                Counts = Counts with { Unwritten = Counts.Unwritten + 1 };
            }

            Refuse(blocks, key, now);
            letGo(HoldKey(host, vrf));
            return;
        }

        blocks.Take(found, key, BlockState.Assigning, DateTimeOffset.UtcNow.UtcTicks, now);
        _onTheWay++;
        _assignments.Enqueue(new Assignment(pool, found, key, What(pool, found)));
    }

    /// <summary>Writes to the ledger what is to be written. Outside the gate, on the control thread.</summary>
    public void Flush(Lock gate)
    {
        while (true)
        {
            Assignment next;
            lock (gate)
                if (!_assignments.TryDequeue(out next)) break;
            if (Ledger is not { } ledger) Stored(gate, next, true);
            else if (!ledger.TryAssign(next.What, ok => Stored(gate, next, ok))) Stored(gate, next, false);
        }

        lock (gate)
            if (_writing || _leaving.Count == 0) return;
        while (true)
        {
            List<Leaving> batch;
            lock (gate)
            {
                if (_leaving.Count == 0) return;
                batch = [.. _leaving.TakeWhile(l => l.Reason == _leaving[0].Reason).Take(Batch)];
                _writing = true;
            }

            if (Ledger is { } ledger)
            {
                if (!ledger.TryRelease([.. batch.Select(b => b.What)], batch[0].Reason, ok => Stored(gate, batch, ok))) Stored(gate, batch, false);
                return;
            }

            Stored(gate, batch, true);
        }
    }

    /// <summary>Goes on looking through the sessions; once a second.</summary>
    public void Look(IReadOnlyList<Worker> workers, long now)
    {
        if (!_mayLook || _pools.Values.All(p => p.Blocks.Taken == 0)) return;
        for (var left = Slice; left > 0;)
        {
            if (_worker >= workers.Count)
            {
                LookedThrough(now);
                return;
            }

            var table = workers[_worker].Context.Sessions;
            for (; left > 0 && _slot < table.Bound; left--) Seen(table[_slot++], now);
            if (_slot < table.Bound) return;
            (_worker, _slot) = (_worker + 1, 1);
        }
    }

    private void Seen(Session* session, long now)
    {
        if ((session->Flags & SessionFlags.InUse) == 0 || session->Reply.IsIp6) return;
        var reply = session->Reply;
        if (!_byAddress.TryGetValue(reply.Destination, out var blocks) || blocks.BlockOf(reply.Destination, reply.DestinationPort) is var block && block < 0) return;
        ref var found = ref blocks[block];
        found.Used = now;
        // A worker began a flow in it before it heard that it should not.
        if (found.State == BlockState.Retiring) Revive(blocks, block, now);
    }

    private void LookedThrough(long now)
    {
        var hold = (long)Hold.TotalMilliseconds * 1_000_000;
        foreach (var pool in _pools.Values)
        {
            foreach (var block in pool.Blocks.All.ToList())
            {
                ref var at = ref pool.Blocks[block];
                if (at.State == BlockState.Retiring && at.Look == _look) Release(pool, block, Idle);
                else if (at.State == BlockState.Active && now - at.Used >= hold)
                {
                    at.State = BlockState.Retiring;
                    at.Look = _look + 1;
                    pool.Blocks.Publish(at.Host);
                }
            }
        }

        LetLeave();
        _look++;
        (_worker, _slot) = (0, 1);
        // The next look begins when no worker knows any more what was hidden from it.
        _mayLook = false;
        epochs.Retire(() => _mayLook = true);
    }

    private static void Revive(BlockPool blocks, int block, long now)
    {
        blocks[block].State = BlockState.Active;
        blocks[block].Used = now;
        blocks.Publish(blocks[block].Host);
    }

    private static void Refuse(BlockPool blocks, ulong host, long now)
    {
        if (blocks.Find((uint)host, (uint)(host >> 32)) is not null) blocks.Publish(host, now + Pause);
        else blocks.SetFull(now + Pause);
    }

    // Not yet free: another host gets it when the ledger knows.
    private void Release(Pool pool, int block, string reason)
    {
        ref var at = ref pool.Blocks[block];
        if (at.State is not (BlockState.Active or BlockState.Retiring)) return;
        at.State = BlockState.Releasing;
        pool.Blocks.Publish(at.Host);
        _hidden.Add(new Leaving(pool, block, What(pool, block), reason));
    }

    private void LetLeave()
    {
        if (_hidden.Count == 0) return;
        var gone = _hidden;
        _hidden = [];
        _passing.Add(gone);
        epochs.Retire(() =>
        {
            _passing.Remove(gone);
            _leaving.AddRange(gone);
        });
    }

    private void Stored(Lock gate, in Assignment done, bool ok)
    {
        lock (gate)
        {
            var (pool, block, host, what) = done;
            _onTheWay--;
            var now = WorkerContext.Clock();
            var isCurrent = _pools.TryGetValue(pool.Rule.Name, out var current) && current == pool;
            if (!isCurrent) ForgetStray(what);
            if (!ok)
            {
                pool.Blocks.Free(block);
                Counts = Counts with { Unwritten = Counts.Unwritten + 1 };
                if (isCurrent) Refuse(pool.Blocks, host, now);
            }
            else
            {
                Counts = Counts with { Assigned = Counts.Assigned + 1 };
                if (!isCurrent || !IsOf(pool.Rule, what.Host, what.Vrf))
                {
                    // The rule went meanwhile.
                    LetStray(what);
                    LetLeave();
                    pool.Blocks.Free(block);
                }
                else
                {
                    pool.Blocks[block].State = BlockState.Active;
                    pool.Blocks[block].Used = now;
                    pool.Blocks.Publish(host);
                }
            }

            letGo(HoldKey((uint)host, (uint)(host >> 32)));
        }
    }

    private void Stored(Lock gate, List<Leaving> done, bool ok)
    {
        lock (gate)
        {
            _writing = false;
            // Else they are tried again.
            if (!ok) return;
            // As they stand now: their pool may have gone meanwhile.
            var left = _leaving[..done.Count];
            _leaving.RemoveRange(0, done.Count);
            Counts = Counts with { Released = Counts.Released + done.Count };
            foreach (var (pool, block, what, _) in left)
            {
                if (pool is null) ForgetStray(what);
                else if (pool.Blocks[block] is { State: BlockState.Releasing } at && at.Since == what.Since.UtcTicks) pool.Blocks.Free(block);
            }
        }
    }

    private void LetStray(NatBlock what)
    {
        _hidden.Add(new Leaving(null, -1, what, RuleChanged));
        CountStray(what);
    }

    private void CountStray(NatBlock what)
    {
        var outside = (uint)AddressWords.From(what.Outside).Low;
        _strayAddresses[outside] = _strayAddresses.GetValueOrDefault(outside) + 1;
    }

    private void ForgetStray(NatBlock what)
    {
        var outside = (uint)AddressWords.From(what.Outside).Low;
        if (--_strayAddresses[outside] == 0) _strayAddresses.Remove(outside);
    }

    // Blocks of a rule as it was go to the rule as it is, where that has just the same; others are released.
    private void Move(Pool from, Pool? to)
    {
        Orphan(_hidden, from);
        Orphan(_leaving, from);
        foreach (var passing in _passing) Orphan(passing, from);
        foreach (var block in from.Blocks.All.ToList())
        {
            var at = from.Blocks[block];
            // The ledger may be about to say that it is somebody's.
            if (at.State == BlockState.Assigning) CountStray(What(from, block));
            if (at.State is not (BlockState.Active or BlockState.Retiring)) continue;
            if (to is null || !TryTake(to, What(from, block), at.Host)) LetStray(What(from, block));
            from.Blocks.Free(block);
        }
    }

    private void Orphan(List<Leaving> leaving, Pool from)
    {
        for (var i = 0; i < leaving.Count; i++)
        {
            if (leaving[i].Pool != from) continue;
            leaving[i] = leaving[i] with { Pool = null };
            CountStray(leaving[i].What);
        }
    }

    private void Adopt(Pool pool)
    {
        if (_resumed.Count == 0) return;
        _resumed.RemoveAll(b => b.Rule == pool.Rule.Name && TryTake(pool, b, BlockPool.HostKey((uint)AddressWords.From(b.Host).Low, numberOfVrf(b.Vrf))));
    }

    private static bool TryTake(Pool pool, NatBlock what, ulong host)
    {
        var blocks = pool.Blocks;
        var block = blocks.BlockOf((uint)AddressWords.From(what.Outside).Low, what.FirstPort);
        if (block < 0 || blocks.At(block).FirstPort != what.FirstPort || what.LastPort != what.FirstPort + blocks.Size - 1 || blocks[block].State != BlockState.Free) return false;
        var others = blocks.BlocksOf(host);
        if (others.Count >= blocks.PerHost || (others.Count > 0 && blocks.At(others[0]).Outside != blocks.At(block).Outside)) return false;
        blocks.Take(block, host, BlockState.Active, what.Since.UtcTicks, WorkerContext.Clock());
        blocks.Publish(host);
        return true;
    }

    private NatBlock What(Pool pool, int block)
    {
        var (at, (outside, first)) = (pool.Blocks[block], pool.Blocks.At(block));
        return new NatBlock(pool.Rule.Name, Address((uint)at.Host), nameOfVrf((uint)(at.Host >> 32)), Address(outside), first, first + pool.Blocks.Size - 1, new DateTimeOffset(at.Since, TimeSpan.Zero));
    }

    private static BlockPool NewBlocks(NatRule.Source rule) => new([.. rule.Addresses.SelectMany(r => NatProgram.Range(r)).Distinct()], rule.FirstPort, rule.LastPort, rule.BlockSize);

    private static bool SaysTheSame(NatRule.Source a, NatRule.Source b) => a.BlockSize == b.BlockSize && a.FirstPort == b.FirstPort && a.LastPort == b.LastPort && a.Addresses.SequenceEqual(b.Addresses);

    private static bool IsOf(NatRule.Source rule, IPAddress host, string? vrf) => rule.Vrf == vrf && (rule.From.Count == 0 || rule.From.Any(n => n.Contains(host)));

    private static IPAddress Address(uint word) => new([(byte)(word >> 24), (byte)(word >> 16), (byte)(word >> 8), (byte)word]);
}
