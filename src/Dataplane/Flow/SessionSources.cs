using System.Numerics;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// Who began how many sessions, so that one who begins too many pays for it. Sources stand in classes by the power of two of their sessions, once for those that are not assured and once for all: the
/// heaviest is found by looking at the highest class. A source lists its sessions in the order of their beginning. Of one worker; nothing here is persistent.
/// </summary>
internal sealed unsafe class SessionSources : IDisposable
{
    private const int Classes = 33;

    private readonly Session* _sessions;
    private readonly SourceEntry* _sources;
    private readonly uint* _heads;
    private readonly uint _mask;
    private readonly ulong _seed;
    private readonly uint* _fresh;
    private readonly uint* _all;
    private uint _free;
    private uint _unused = 1;

    [StructLayout(LayoutKind.Sequential)]
    private struct SourceEntry
    {
        public FlowSource Of;
        public uint Count;
        public uint Fresh;
        public uint HashNext;
        public Links InFresh;
        public Links InAll;
        public uint FreshFirst;
        public uint FreshLast;
        public uint KeptFirst;
        public uint KeptLast;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Links
    {
        public uint Next;
        public uint Previous;
    }

    public SessionSources(Session* sessions, uint capacity, ulong seed)
    {
        _sessions = sessions;
        _seed = seed;
        _sources = (SourceEntry*)NativeMemory.AllocZeroed(capacity + 1, (nuint)sizeof(SourceEntry));
        _mask = BitOperations.RoundUpToPowerOf2(Math.Max(16, capacity / 2)) - 1;
        _heads = (uint*)NativeMemory.AllocZeroed(_mask + 1, sizeof(uint));
        _fresh = (uint*)NativeMemory.AllocZeroed(Classes * 2, sizeof(uint));
        _all = _fresh + Classes;
    }

    /// <summary>Sources that have a session.</summary>
    public uint Count { get; private set; }

    /// <summary>Sessions of a source; 0 when it has none.</summary>
    public uint CountOf(in FlowSource of)
    {
        var source = Find(of);
        return source == 0 ? 0 : _sources[source].Count;
    }

    /// <summary>Lists a new session under its source.</summary>
    public void Add(uint slot, in FlowSource of)
    {
        ref var session = ref _sessions[slot];
        var number = Find(of);
        if (number == 0) number = New(of);
        var source = _sources + number;
        session.Source = number;
        Unclass(number);
        source->Count++;
        if ((session.Flags & SessionFlags.Assured) == 0) source->Fresh++;
        Class(number);
        Append(source, slot);
    }

    /// <summary>Moves a session to those of its source that both ends want.</summary>
    public void Assure(uint slot)
    {
        var number = _sessions[slot].Source;
        Unlink(_sources + number, slot);
        _sessions[slot].Flags |= SessionFlags.Assured;
        Unclass(number);
        _sources[number].Fresh--;
        Class(number);
        Append(_sources + number, slot);
    }

    public void Remove(uint slot)
    {
        var number = _sessions[slot].Source;
        var source = _sources + number;
        Unlink(source, slot);
        Unclass(number);
        source->Count--;
        if ((_sessions[slot].Flags & SessionFlags.Assured) == 0) source->Fresh--;
        if (source->Count > 0) Class(number);
        else Drop(number);
    }

    /// <summary>The oldest session of that source that is not assured; 0 none.</summary>
    public uint OldestFresh(in FlowSource of)
    {
        var source = Find(of);
        return source == 0 ? 0 : _sources[source].FreshFirst;
    }

    /// <summary>
    /// The session that gives way to a new one of that source: the oldest that is not assured, of one of the sources with most of such. When all are assured, the oldest of one of the heaviest sources,
    /// if that has at least four times the sessions of this one; else 0: nobody's established flow is ended for a flood.
    /// </summary>
    public uint Victim(in FlowSource of)
    {
        for (var c = Classes - 1; c > 0; c--)
            if (_fresh[c] != 0) return _sources[_fresh[c]].FreshFirst;
        for (var c = Classes - 1; c > 0; c--)
        {
            if (_all[c] == 0) continue;
            var heaviest = _sources + _all[c];
            return heaviest->Count / 4 > CountOf(of) ? heaviest->KeptFirst : 0;
        }
        return 0;
    }

    public void Dispose()
    {
        NativeMemory.Free(_sources);
        NativeMemory.Free(_heads);
        NativeMemory.Free(_fresh);
    }

    private uint* Head(in FlowSource of) => _heads + (of.Hash(_seed) & _mask);

    private uint Find(in FlowSource of)
    {
        var number = *Head(of);
        while (number != 0 && _sources[number].Of != of) number = _sources[number].HashNext;
        return number;
    }

    private uint New(in FlowSource of)
    {
        var number = _free;
        if (number != 0) _free = _sources[number].HashNext;
        else number = _unused++;
        var head = Head(of);
        _sources[number] = new SourceEntry { Of = of, HashNext = *head };
        *head = number;
        Count++;
        return number;
    }

    private void Drop(uint number)
    {
        var source = _sources + number;
        var at = Head(source->Of);
        while (*at != number) at = &_sources[*at].HashNext;
        *at = source->HashNext;
        source->HashNext = _free;
        _free = number;
        Count--;
    }

    private void Append(SourceEntry* source, uint slot)
    {
        ref var session = ref _sessions[slot];
        var kept = (session.Flags & SessionFlags.Assured) != 0;
        session.SourceNext = 0;
        session.SourcePrevious = kept ? source->KeptLast : source->FreshLast;
        if (session.SourcePrevious != 0) _sessions[session.SourcePrevious].SourceNext = slot;
        else if (kept) source->KeptFirst = slot;
        else source->FreshFirst = slot;
        if (kept) source->KeptLast = slot;
        else source->FreshLast = slot;
    }

    private void Unlink(SourceEntry* source, uint slot)
    {
        ref var session = ref _sessions[slot];
        var kept = (session.Flags & SessionFlags.Assured) != 0;
        if (session.SourcePrevious != 0) _sessions[session.SourcePrevious].SourceNext = session.SourceNext;
        else if (kept) source->KeptFirst = session.SourceNext;
        else source->FreshFirst = session.SourceNext;
        if (session.SourceNext != 0) _sessions[session.SourceNext].SourcePrevious = session.SourcePrevious;
        else if (kept) source->KeptLast = session.SourcePrevious;
        else source->FreshLast = session.SourcePrevious;
    }

    // Class 0 is of those with none, who stand in no list.
    private static int ClassOf(uint count) => count == 0 ? 0 : BitOperations.Log2(count) + 1;

    private void Class(uint number)
    {
        var source = _sources + number;
        if (source->Fresh > 0) Push(_fresh + ClassOf(source->Fresh), number, all: false);
        if (source->Count > 0) Push(_all + ClassOf(source->Count), number, all: true);
    }

    private void Unclass(uint number)
    {
        var source = _sources + number;
        if (source->Fresh > 0) Pull(_fresh + ClassOf(source->Fresh), number, all: false);
        if (source->Count > 0) Pull(_all + ClassOf(source->Count), number, all: true);
    }

    private Links* LinksOf(uint number, bool all) => all ? &_sources[number].InAll : &_sources[number].InFresh;

    // The lists are rings, whose last stands before the first: who waits longest is first.
    private void Push(uint* head, uint number, bool all)
    {
        if (*head == 0)
        {
            *LinksOf(number, all) = new Links { Next = number, Previous = number };
            *head = number;
            return;
        }
        var first = LinksOf(*head, all);
        *LinksOf(number, all) = new Links { Next = *head, Previous = first->Previous };
        LinksOf(first->Previous, all)->Next = number;
        first->Previous = number;
    }

    private void Pull(uint* head, uint number, bool all)
    {
        var links = LinksOf(number, all);
        if (links->Next == number)
        {
            *head = 0;
            return;
        }
        LinksOf(links->Previous, all)->Next = links->Next;
        LinksOf(links->Next, all)->Previous = links->Previous;
        if (*head == number) *head = links->Next;
    }
}
