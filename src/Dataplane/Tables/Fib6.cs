using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Longest prefix match for IPv6: one hash map of (masked prefix, VRF, length), probed from the longest length in use to the shortest.
/// Real tables use few lengths, so this stays within a handful of probes.
/// </summary>
internal sealed unsafe class Fib6 : IDisposable
{
    private readonly Epochs _epochs;
    private readonly NativeMap _map;
    private readonly int[] _perLength = new int[129];

    /// <summary>The lengths in use, longest first: a count and that many bytes.</summary>
    private nint _lengths;

    public Fib6(Epochs epochs)
    {
        _epochs = epochs;
        _map = new NativeMap(epochs);
        _lengths = (nint)NativeMemory.AlignedAlloc(130, 64);
        *(byte*)_lengths = 0;
    }

    /// <summary>Routes in all VRFs.</summary>
    public int Count => _map.Count;

    /// <summary>The adjacency of the longest prefix that covers the address; 0 when none does.</summary>
    public uint Lookup(uint vrf, ulong high, ulong low)
    {
        var lengths = (byte*)Volatile.Read(ref _lengths);
        int count = lengths[0];
        for (var i = 1; i <= count; i++)
        {
            int length = lengths[i];
            if (_map.TryGet(high & MaskHigh(length), low & MaskLow(length), Tag(vrf, length), out var adjacency)) return adjacency;
        }
        return 0;
    }

    /// <summary>Adds or changes a route. Control side only.</summary>
    public void Set(uint vrf, ulong high, ulong low, int length, uint adjacency)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, 128u, nameof(length));
        var before = _map.Count;
        _map.Set(high & MaskHigh(length), low & MaskLow(length), Tag(vrf, length), adjacency);
        if (_map.Count > before && _perLength[length]++ == 0) PublishLengths();
    }

    /// <summary>Removes a route; false when there was none. Control side only.</summary>
    public bool Remove(uint vrf, ulong high, ulong low, int length)
    {
        if (!_map.Remove(high & MaskHigh(length), low & MaskLow(length), Tag(vrf, length))) return false;
        if (--_perLength[length] == 0) PublishLengths();
        return true;
    }

    /// <summary>The route of exactly this prefix. Control side only.</summary>
    public bool TryGet(uint vrf, ulong high, ulong low, int length, out uint adjacency) =>
        _map.TryGet(high & MaskHigh(length), low & MaskLow(length), Tag(vrf, length), out adjacency);

    public void Dispose()
    {
        _map.Dispose();
        NativeMemory.AlignedFree((void*)_lengths);
    }

    internal static ulong MaskHigh(int length) => length >= 64 ? ulong.MaxValue : length == 0 ? 0 : ulong.MaxValue << (64 - length);

    internal static ulong MaskLow(int length) => length <= 64 ? 0 : ulong.MaxValue << (128 - length);

    private static uint Tag(uint vrf, int length) => vrf << 8 | (uint)length;

    private void PublishLengths()
    {
        var old = (void*)_lengths;
        var lengths = (byte*)NativeMemory.AlignedAlloc(130, 64);
        byte count = 0;
        for (var length = 128; length >= 0; length--)
            if (_perLength[length] > 0) lengths[++count] = (byte)length;
        lengths[0] = count;
        Volatile.Write(ref _lengths, (nint)lengths);
        _epochs.Retire(old);
    }
}
