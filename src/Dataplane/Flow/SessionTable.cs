using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Flow;

/// <summary>What became of a new session.</summary>
internal enum SessionResult
{
    Created,

    /// <summary>The source has as many as one may have, and all are assured.</summary>
    SourceLimit,

    /// <summary>The table is full and nothing in it gives way.</summary>
    Full,

    /// <summary>A session with one of the keys exists.</summary>
    Exists,
}

/// <summary>How many sessions there may be, and how long they may be idle.</summary>
internal sealed record SessionLimits
{
    /// <summary>Sessions in one worker; the table's capacity is the most.</summary>
    public uint Total { get; init; } = uint.MaxValue;

    /// <summary>Of one source in one worker.</summary>
    public uint PerSource { get; init; } = uint.MaxValue;

    /// <summary>Bits of an IPv6 address that tell sources apart.</summary>
    public int Ip6SourcePrefix { get; init; } = 64;

    public FlowTimeouts Timeouts { get; init; } = new();
}

/// <summary>Hears of sessions that end, before their memory is given away.</summary>
internal interface ISessionEnd
{
    void Ended(in Session session);
}

/// <summary>
/// The sessions of one worker, which alone touches them: no locks. Memory is taken when it is first used. Numbers of sessions run from 1; in what searches return the highest bit says that the packet is
/// of the answering direction.
/// </summary>
internal sealed unsafe class SessionTable : IDisposable
{
    public const uint ReplyBit = 0x8000_0000;
    private const uint WheelSize = 1024;

    /// <summary>Sessions that are looked at in one turn after new limits.</summary>
    private const int ChecksATurn = 256;

    /// <summary>Sessions that are looked at in one go when some are to be cleared.</summary>
    private const uint ClearedAtOnce = 4096;

    private readonly SessionMemory _memory;
    private readonly Session* _sessions;
    private readonly Ip6Ends* _ends;
    private readonly SessionIndex _index;
    private readonly SessionSources _sources;
    private readonly uint* _wheel;
    private readonly ulong* _hashes;
    private readonly ulong _seed;
    private readonly Func<uint, ulong> _hashOf;
    private ulong _random;
    private SessionLimits _limits;
    private SessionLimits _adopted;
    private uint[] _timeouts;
    private uint _unchecked = uint.MaxValue;
    private uint _free;
    private uint _unused = 1;
    private uint _cursor;
    private readonly System.Collections.Concurrent.ConcurrentQueue<SessionClear> _clears = new();
    private uint _clearAt;
    private uint _clearEnd;

    public SessionTable(uint capacity, SessionLimits limits, uint now, SessionMemory? memory = null)
    {
        Capacity = capacity;
        _limits = _adopted = limits;
        _timeouts = limits.Timeouts.ByState();
        _memory = memory ?? SessionMemory.Private(capacity);
        _sessions = _memory.Sessions;
        _ends = (Ip6Ends*)(_sessions + capacity + 1);
        Ip6 = new Ip6Seed((ulong)System.Random.Shared.NextInt64(), (ulong)System.Random.Shared.NextInt64());
        _seed = (ulong)System.Random.Shared.NextInt64();
        _random = (ulong)System.Random.Shared.NextInt64() | 1;
        _index = new SessionIndex(2L * capacity);
        _sources = new SessionSources(_sessions, capacity, _seed);
        _wheel = (uint*)NativeMemory.AllocZeroed(WheelSize, sizeof(uint));
        _hashes = (ulong*)NativeMemory.AlignedAlloc(Frame.Size * sizeof(ulong), 64);
        Now = _cursor = now;
        _hashOf = HashOf;
        if (_memory.Resumed)
        {
            KnowTimeouts();
            Resume();
        }
        else
        {
            TellTimeouts();
        }
    }

    public uint Capacity { get; }

    /// <summary>Makes the keys of IPv6 flows.</summary>
    public Ip6Seed Ip6 { get; }

    public SessionLimits Limits => Volatile.Read(ref _limits);

    /// <summary>Seconds of the monotonic clock; set by <see cref="Advance"/>.</summary>
    public uint Now { get; private set; }

    /// <summary>Sessions now.</summary>
    public uint Count { get; private set; }

    /// <summary>Sources that have sessions.</summary>
    public uint SourceCount => _sources.Count;

    public ulong Created { get; private set; }

    public ulong Expired { get; private set; }

    /// <summary>Sessions that gave way to new ones.</summary>
    public ulong Evicted { get; private set; }

    /// <summary>Slots that may hold a session are below this.</summary>
    public uint Bound => _unused;

    public ISessionEnd? End { get; set; }

    /// <summary>Memory of a full table for each session, bytes; an IPv6 session takes <see cref="Ip6Ends"/> besides.</summary>
    public double BytesPerSession => sizeof(Session) + (double)_index.Bytes / Capacity;

    public Session* this[uint slot] => _sessions + (slot & ~ReplyBit);

    /// <summary>The addresses of an IPv6 session.</summary>
    public Ip6Ends* EndsOf(uint slot) => _ends + (slot & ~ReplyBit);

    /// <summary>A number below that which others cannot foretell.</summary>
    public uint Random(uint below)
    {
        _random ^= _random << 13;
        _random ^= _random >> 7;
        _random ^= _random << 17;
        return (uint)((_random >> 32) * below >> 32);
    }

    /// <summary>What holds from the worker's next turn on, for sessions that are there too. Any thread.</summary>
    public void SetLimits(SessionLimits limits) => Volatile.Write(ref _limits, limits);

    /// <summary>The session of a packet; 0 none.</summary>
    public uint Find(in FlowKey key) => Find(key, key.Hash(_seed));

    /// <summary>The sessions of up to a frame of packets. All lines are asked for before the first is looked at.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Find(FlowKey* keys, uint* found, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var hash = keys[i].Hash(_seed);
            _hashes[i] = hash;
            _index.Prefetch(hash);
        }
        for (var i = 0; i < count; i++)
        {
            var candidate = _index.Candidate(_hashes[i]);
            found[i] = candidate;
            if (Sse.IsSupported) Sse.Prefetch0(_sessions + (candidate & ~ReplyBit));
        }
        for (var i = 0; i < count; i++)
        {
            var candidate = found[i];
            if (candidate != 0)
            {
                if (Matches(candidate, keys[i])) continue;
            }
            else if (!_index.MaySpill(_hashes[i]))
            {
                continue;
            }
            found[i] = Find(keys[i], _hashes[i]);
        }
    }

    /// <summary>The IPv6 session of a packet; 0 none.</summary>
    /// <param name="key">By <see cref="Ip6"/>.</param>
    /// <param name="ends">The source address in the packet, which the destination follows.</param>
    public uint Find6(in FlowKey key, byte* ends)
    {
        var found = Find(key);
        return found != 0 && Ip6Ends.Match(EndsOf(found), ends, (found & ReplyBit) != 0) ? found : 0;
    }

    /// <summary>The IPv6 sessions of up to a frame of packets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Find6(FlowKey* keys, nint* ends, uint* found, int count)
    {
        Find(keys, found, count);
        if (Sse.IsSupported)
            for (var i = 0; i < count; i++) Sse.Prefetch0(_ends + (found[i] & ~ReplyBit));
        for (var i = 0; i < count; i++)
            if (found[i] != 0 && !Ip6Ends.Match(_ends + (found[i] & ~ReplyBit), (byte*)ends[i], (found[i] & ReplyBit) != 0)) found[i] = 0;
    }

    /// <summary>Begins a session; its state is None until <see cref="Touch"/> has seen its first packet.</summary>
    /// <param name="slot">Its number.</param>
    public SessionResult TryAdd(in FlowKey forward, in FlowKey reply, out uint slot) => TryAdd(forward, reply, FlowSource.Of(forward), null, out slot);

    /// <summary>Begins an IPv6 session.</summary>
    /// <param name="key">By <see cref="Ip6"/>.</param>
    /// <param name="ends">The source address in the packet, which the destination follows.</param>
    /// <param name="slot">Its number.</param>
    public SessionResult TryAdd6(in FlowKey key, byte* ends, out uint slot) => TryAdd(key, key.Reverse, FlowSource.Of(ends, key.Vrf, Limits.Ip6SourcePrefix), ends, out slot);

    private SessionResult TryAdd(in FlowKey forward, in FlowKey reply, in FlowSource source, byte* ends, out uint slot)
    {
        slot = 0;
        var limits = Limits;
        var (forwardHash, replyHash) = (forward.Hash(_seed), reply.Hash(_seed));
        if (Find(forward, forwardHash) != 0 || Find(reply, replyHash) != 0) return SessionResult.Exists;
        if (_sources.CountOf(source) >= limits.PerSource)
        {
            var oldest = _sources.OldestFresh(source);
            if (oldest == 0) return SessionResult.SourceLimit;
            Evict(oldest);
        }
        // Above a limit that was lowered two give way for one, until the level is there.
        var most = Math.Min(Capacity, limits.Total);
        for (var i = 0; i < 2 && Count >= most; i++)
        {
            var victim = _sources.Victim(source);
            if (victim == 0) return SessionResult.Full;
            Evict(victim);
        }
        if (Count >= Capacity) return SessionResult.Full;
        slot = _free != 0 ? _free : _unused;
        var session = _sessions + slot;
        var nextFree = session->WheelNext;
        *session = default;
        session->Forward = forward;
        session->Reply = reply;
        if (!TryIndex(slot, forwardHash, replyHash))
        {
            session->WheelNext = nextFree;
            slot = 0;
            return SessionResult.Full;
        }
        if (_free != 0) _free = nextFree;
        else _unused++;
        session->State = FlowTracking.First(forward.Protocol);
        session->LastUse = session->Created = Now;
        if (ends != null) Ip6Ends.Copy(_ends + slot, ends);
        // The compiler must not move this before what it vouches for.
        Volatile.Write(ref Unsafe.As<SessionFlags, byte>(ref session->Flags), (byte)SessionFlags.InUse);
        Count++;
        Created++;
        _sources.Add(slot, source);
        Schedule(slot, Now + Math.Min(_timeouts[(int)session->State], WheelSize - 1));
        return SessionResult.Created;
    }

    /// <summary>Takes note of a packet of a session; false when the session's protocol can have no such packet now.</summary>
    /// <param name="found">What the search said.</param>
    /// <param name="tcpFlags">The flags byte of a TCP segment.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Touch(uint found, byte tcpFlags, uint bytes)
    {
        var session = this[found];
        var reply = (found & ReplyBit) != 0;
        var state = session->State;
        var next = session->Forward.Protocol == 6 ? FlowTracking.Next(state, FlowTracking.EventOf(tcpFlags), reply) : FlowTracking.Next(state, reply);
        if (state == FlowState.TcpClose && FlowTracking.Revives(tcpFlags) && (session->Flags & SessionFlags.Assured) != 0) next = FlowState.TcpPickedUp;
        if (next == FlowState.None) return false;
        session->LastUse = Now;
        session->Count(reply, bytes);
        if (next != state || (reply && (session->Flags & SessionFlags.Replied) == 0)) Change(found, next);
        return true;
    }

    public void Remove(uint slot)
    {
        var session = this[slot];
        slot &= ~ReplyBit;
        End?.Ended(*session);
        Unschedule(slot);
        _sources.Remove(slot);
        _index.Remove(session->Forward.Hash(_seed), slot);
        _index.Remove(session->Reply.Hash(_seed), slot | ReplyBit);
        Volatile.Write(ref Unsafe.As<SessionFlags, byte>(ref session->Flags), 0);
        session->WheelNext = _free;
        _free = slot;
        Count--;
    }

    /// <summary>Lets time go on: looks at no more than that many sessions, and ends those that were idle too long.</summary>
    public void Advance(uint now, int budget)
    {
        Now = now;
        if (!ReferenceEquals(_adopted, _limits)) Adopt();
        if (_unchecked < _unused) CheckAgain();
        if (!_clears.IsEmpty) ClearSome();
        while (_cursor < now)
        {
            var slot = _wheel[_cursor & (WheelSize - 1)];
            if (slot == 0)
            {
                _cursor++;
                continue;
            }
            if (budget-- == 0) return;
            var session = _sessions + slot;
            var due = session->LastUse + _timeouts[(int)session->State];
            if (due <= _cursor)
            {
                Expired++;
                Remove(slot);
                continue;
            }
            Unschedule(slot);
            Schedule(slot, Math.Min(due, _cursor + WheelSize - 1));
        }
    }

    /// <summary>Ends sessions, some with each <see cref="Advance"/>. From any thread.</summary>
    public void Clear(SessionClear what) => _clears.Enqueue(what);

    /// <summary>Sessions that were cleared.</summary>
    public ulong Cleared { get; private set; }

    // What begins while it goes on in slots that it has passed stays.
    private void ClearSome()
    {
        if (!_clears.TryPeek(out var what)) return;
        if (_clearAt == 0) (_clearAt, _clearEnd) = (1, _unused);
        for (var end = Math.Min(_clearEnd, _clearAt + ClearedAtOnce); _clearAt < end; _clearAt++)
        {
            if ((_sessions[_clearAt].Flags & SessionFlags.InUse) == 0 || !what.Means(_sessions[_clearAt], (byte*)(_ends + _clearAt))) continue;
            Cleared++;
            Remove(_clearAt);
        }
        if (_clearAt < _clearEnd) return;
        _clearAt = 0;
        _clears.TryDequeue(out _);
    }

    public void Dispose()
    {
        _index.Dispose();
        _sources.Dispose();
        NativeMemory.Free(_wheel);
        NativeMemory.AlignedFree(_hashes);
        _memory.Dispose();
    }

    private void Adopt()
    {
        _adopted = Limits;
        _timeouts = _adopted.Timeouts.ByState();
        TellTimeouts();
        _unchecked = 1;
    }

    /// <summary>Puts sessions that end sooner than was thought nearer in the wheel, some of them each turn.</summary>
    private void CheckAgain()
    {
        for (var end = Math.Min(_unused, _unchecked + ChecksATurn); _unchecked < end; _unchecked++)
        {
            var session = _sessions + _unchecked;
            if ((session->Flags & SessionFlags.InUse) == 0) continue;
            var due = Math.Max(_cursor, Math.Min(session->LastUse + _timeouts[(int)session->State], _cursor + WheelSize - 1));
            if (Behind(session->WheelSlot) <= due - _cursor) continue;
            Unschedule(_unchecked);
            Schedule(_unchecked, due);
        }
        if (_unchecked == _unused) _unchecked = uint.MaxValue;
    }

    private void TellTimeouts()
    {
        if (_memory.Timeouts != null) _timeouts.CopyTo(new Span<uint>(_memory.Timeouts, _timeouts.Length));
    }

    // The settings come later than the sessions of the process before: until then those hold that were in force.
    private void KnowTimeouts()
    {
        if (_memory.Timeouts == null) return;
        for (var state = 0; state < _timeouts.Length; state++)
            if (_memory.Timeouts[state] is > 0 and < int.MaxValue) _timeouts[state] = _memory.Timeouts[state];
    }

    private uint Find(in FlowKey key, ulong hash)
    {
        Span<uint> candidates = stackalloc uint[SessionIndex.MaxCandidates];
        var count = _index.Cursor(hash, candidates);
        foreach (var candidate in candidates[..count])
            if (Matches(candidate, key)) return candidate;
        return 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Matches(uint candidate, in FlowKey key)
    {
        var at = (FlowKey*)(_sessions + (candidate & ~ReplyBit)) + (candidate >> 31);
        return at->Addresses == key.Addresses && at->Rest == key.Rest;
    }

    private bool TryIndex(uint slot, ulong forward, ulong reply)
    {
        if (!_index.TryAdd(forward, slot, _hashOf)) return false;
        if (_index.TryAdd(reply, slot | ReplyBit, _hashOf)) return true;
        _index.Remove(forward, slot);
        return false;
    }

    private ulong HashOf(uint slot) => ((slot & ReplyBit) != 0 ? this[slot]->Reply : this[slot]->Forward).Hash(_seed);

    private void Evict(uint slot)
    {
        Evicted++;
        Remove(slot);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Change(uint found, FlowState next)
    {
        var session = this[found];
        var slot = found & ~ReplyBit;
        session->State = next;
        if ((found & ReplyBit) != 0) session->Flags |= SessionFlags.Replied;
        if ((session->Flags & SessionFlags.Assured) == 0 && FlowTracking.IsAssured(next)) _sources.Assure(slot);
        // A shorter time must be looked at earlier; a longer one is found out when the shorter has passed.
        var due = Math.Min(Now + _timeouts[(int)next], _cursor + WheelSize - 1);
        if (Behind(session->WheelSlot) <= due - _cursor) return;
        Unschedule(slot);
        Schedule(slot, due);
    }

    private uint Behind(ushort slot) => (slot - _cursor) & (WheelSize - 1);

    private void Schedule(uint slot, uint at)
    {
        if (at < _cursor) at = _cursor;
        if (at - _cursor > WheelSize - 1) at = _cursor + WheelSize - 1;
        var session = _sessions + slot;
        var place = (ushort)(at & (WheelSize - 1));
        session->WheelSlot = place;
        session->WheelPrevious = 0;
        session->WheelNext = _wheel[place];
        if (session->WheelNext != 0) _sessions[session->WheelNext].WheelPrevious = slot;
        _wheel[place] = slot;
    }

    private void Unschedule(uint slot)
    {
        var session = _sessions + slot;
        if (session->WheelPrevious != 0) _sessions[session->WheelPrevious].WheelNext = session->WheelNext;
        else _wheel[session->WheelSlot] = session->WheelNext;
        if (session->WheelNext != 0) _sessions[session->WheelNext].WheelPrevious = session->WheelPrevious;
    }

    // The memory holds sessions of the process before: all but the entries themselves is made anew.
    private void Resume()
    {
        for (uint slot = 1; slot <= Capacity; slot++)
        {
            var session = _sessions + slot;
            if ((session->Flags & SessionFlags.InUse) == 0) continue;
            while (_unused < slot)
            {
                _sessions[_unused].WheelNext = _free;
                _free = _unused++;
            }
            _unused = slot + 1;
            if (!Takes(session, slot))
            {
                session->Flags = 0;
                session->WheelNext = _free;
                _free = slot;
                continue;
            }
            // It is judged with its next packet; the numbers of interfaces are those of the process before.
            session->Generation = 0;
            session->In = session->Out = Session.UnknownInterface;
            Count++;
            _sources.Add(slot, session->Forward.IsIp6 ? FlowSource.Of((byte*)(_ends + slot), session->Forward.Vrf, Limits.Ip6SourcePrefix) : FlowSource.Of(session->Forward));
            Schedule(slot, Math.Min(session->LastUse + _timeouts[(int)session->State], _cursor + WheelSize - 1));
        }
    }

    private bool Takes(Session* session, uint slot)
    {
        if (session->State is FlowState.None or >= FlowState.Count || session->LastUse > Now || session->LastUse + _timeouts[(int)session->State] <= Now) return false;
        if (session->Forward.IsIp6)
        {
            // The hashes of the process before mean nothing here.
            session->Forward = Ip6.Key((byte*)(_ends + slot), session->Forward.Rest);
            session->Reply = session->Forward.Reverse;
        }
        var (forward, reply) = (session->Forward.Hash(_seed), session->Reply.Hash(_seed));
        return Find(session->Forward, forward) == 0 && Find(session->Reply, reply) == 0 && TryIndex(slot, forward, reply);
    }
}
