using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Guard;

/// <summary>What one rule compares, or one prefix of it. MAC addresses as <see cref="Tables.MacAddress"/> reads them.</summary>
[StructLayout(LayoutKind.Sequential, Size = 80)]
internal struct MacEntry
{
    public const ushort AnyVlan = ushort.MaxValue;

    public ulong Source, SourceMask;
    public ulong Destination, DestinationMask;

    /// <summary>The address that the frame speaks for; IPv4 in the low 32 bits.</summary>
    public ulong IpHigh, IpHighMask;
    public ulong IpLow, IpLowMask;

    public uint Rule;

    /// <summary>0 any.</summary>
    public ushort Type;
    public ushort Vlan;

    /// <summary>Version of IP that the frame must speak for; 0 any, or none.</summary>
    public byte Ip;
}

/// <summary>What rules look at in a frame.</summary>
internal struct MacKey
{
    public ulong Source, Destination;
    public ulong IpHigh, IpLow;

    /// <summary>A second address that the frame speaks for: the target of a neighbor advertisement; else the first one again.</summary>
    public ulong AlsoHigh, AlsoLow;
    public ushort Type;
    public ushort Vlan;

    /// <summary>Version of IP that the frame speaks for; 0 none, or one that contradicts itself.</summary>
    public byte Ip;
}

/// <summary>
/// The compiled rules of a list of MAC ACLs: native memory, never changed, replaced as a whole. Rules with one whole source address are found by it, those with one whole destination by that, the others stand in a list.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct MacProgram
{
    /// <summary>All entries, in runs: each bucket's, and the list at the end, each in the order of the rules.</summary>
    public MacEntry* Entries;

    /// <summary>Where each bucket's run begins; one more number for its end. First those by source, then those by destination.</summary>
    public uint* Buckets;

    /// <summary>By rule, and for frames that none matches: 1 lets pass.</summary>
    public byte* Permits;

    /// <summary>Packets and octets by rule, for each worker in turn.</summary>
    public ulong* Counters;

    public uint BucketMask;

    /// <summary>Where the list begins, and ends.</summary>
    public uint List, End;

    /// <summary>Number of rules; the number of what none matches.</summary>
    public uint Rules;

    /// <summary>Numbers between one worker's counters and the next one's.</summary>
    public uint CounterStride;

    /// <summary>The lowest rule that matches; <see cref="Rules"/> when none does.</summary>
    public static uint Find(MacProgram* program, MacKey* key)
    {
        var best = program->Rules;
        var bucket = program->Buckets + (Hash(key->Source) & program->BucketMask);
        best = First(program, key, bucket[0], bucket[1], best);
        bucket = program->Buckets + (program->BucketMask + 1) + (Hash(key->Destination) & program->BucketMask);
        best = First(program, key, bucket[0], bucket[1], best);
        return First(program, key, program->List, program->End, best);
    }

    public static uint Hash(ulong mac) => (uint)((mac * 0x9E37_79B9_7F4A_7C15) >> 40);

    public static bool Matches(MacEntry* entry, MacKey* key) =>
        (key->Source & entry->SourceMask) == entry->Source
        && (key->Destination & entry->DestinationMask) == entry->Destination
        && (entry->Type == 0 || entry->Type == key->Type)
        && (entry->Vlan == MacEntry.AnyVlan || entry->Vlan == key->Vlan)
        && (entry->Ip == 0
            || (entry->Ip == key->Ip
                && (key->IpHigh & entry->IpHighMask) == entry->IpHigh && (key->IpLow & entry->IpLowMask) == entry->IpLow
                && (key->AlsoHigh & entry->IpHighMask) == entry->IpHigh && (key->AlsoLow & entry->IpLowMask) == entry->IpLow));

    public static void Free(MacProgram* program)
    {
        if (program == null) return;
        NativeMemory.AlignedFree(program->Entries);
        NativeMemory.AlignedFree(program->Buckets);
        NativeMemory.AlignedFree(program->Permits);
        NativeMemory.AlignedFree(program->Counters);
        NativeMemory.AlignedFree(program);
    }

    private static uint First(MacProgram* program, MacKey* key, uint at, uint end, uint best)
    {
        for (; at < end; at++)
        {
            var entry = program->Entries + at;
            if (entry->Rule >= best) break;
            if (Matches(entry, key)) return entry->Rule;
        }

        return best;
    }
}
