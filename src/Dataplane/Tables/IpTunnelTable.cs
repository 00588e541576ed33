using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Tables;

/// <summary>What a tunnel of IP carries, and how.</summary>
public enum IpTunnelKind : byte
{
    /// <summary>IP packets alone (RFC 2003, RFC 2473, RFC 4213).</summary>
    Ip,

    /// <summary>IP packets in GRE (RFC 2784).</summary>
    Gre,

    /// <summary>Ethernet frames in GRE.</summary>
    GreEthernet,
}

/// <summary>Both ends of a tunnel as the outer headers name them, its kind and its key.</summary>
internal readonly record struct IpTunnelKey(uint Vrf, bool V6, ulong LocalHigh, ulong LocalLow, ulong RemoteHigh, ulong RemoteLow, IpTunnelKind Kind, uint? Key);

/// <summary>
/// Finds the tunnel interface of a packet that came in. IPv4: one search by both ends, kind and key. IPv6: both ends have a number that stands for them, found by two searches before.
/// </summary>
internal sealed class IpTunnelTable(Epochs epochs) : IDisposable
{
    private readonly NativeMap _ends = new(epochs, 16);
    private readonly NativeMap _pairs = new(epochs, 16);
    private readonly NativeMap _tunnels = new(epochs, 64);
    private readonly Dictionary<(uint Vrf, ulong High, ulong Low), (uint Number, int Uses)> _endNumbers = [];
    private readonly Dictionary<(uint End, ulong High, ulong Low), (uint Number, int Uses)> _pairNumbers = [];
    private uint _lastNumber;

    /// <summary>Whether there is any tunnel.</summary>
    public bool Active;

    /// <summary>The interface of a packet; false when it belongs to no tunnel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(in IpTunnelKey key, out uint index)
    {
        index = 0;
        if (!key.V6) return _tunnels.TryGet(key.LocalLow << 32 | key.RemoteLow, Tail(key), key.Vrf << 1, out index);
        return _ends.TryGet(key.LocalHigh, key.LocalLow, key.Vrf, out var end)
            && _pairs.TryGet(key.RemoteHigh, key.RemoteLow, end, out var pair)
            && _tunnels.TryGet(pair, Tail(key), key.Vrf << 1 | 1, out index);
    }

    /// <summary>Adds a tunnel; false when another interface has it. Control side only.</summary>
    public bool Add(in IpTunnelKey key, uint index)
    {
        if (TryFind(key, out _)) return false;
        if (key.V6)
        {
            var end = Take(_ends, _endNumbers, (key.Vrf, key.LocalHigh, key.LocalLow), key.LocalHigh, key.LocalLow, key.Vrf);
            var pair = Take(_pairs, _pairNumbers, (end, key.RemoteHigh, key.RemoteLow), key.RemoteHigh, key.RemoteLow, end);
            _tunnels.Set(pair, Tail(key), key.Vrf << 1 | 1, index);
        }
        else
        {
            _tunnels.Set(key.LocalLow << 32 | key.RemoteLow, Tail(key), key.Vrf << 1, index);
        }
        Active = true;
        return true;
    }

    /// <summary>Removes a tunnel. Control side only.</summary>
    public void Remove(in IpTunnelKey key)
    {
        if (!key.V6)
        {
            _tunnels.Remove(key.LocalLow << 32 | key.RemoteLow, Tail(key), key.Vrf << 1);
        }
        else if (_endNumbers.TryGetValue((key.Vrf, key.LocalHigh, key.LocalLow), out var end) && _pairNumbers.TryGetValue((end.Number, key.RemoteHigh, key.RemoteLow), out var pair))
        {
            if (!_tunnels.Remove(pair.Number, Tail(key), key.Vrf << 1 | 1)) return;
            Drop(_pairs, _pairNumbers, (end.Number, key.RemoteHigh, key.RemoteLow), key.RemoteHigh, key.RemoteLow, end.Number);
            Drop(_ends, _endNumbers, (key.Vrf, key.LocalHigh, key.LocalLow), key.LocalHigh, key.LocalLow, key.Vrf);
        }
        Active = _tunnels.Count > 0;
    }

    public void Dispose()
    {
        _ends.Dispose();
        _pairs.Dispose();
        _tunnels.Dispose();
    }

    /// <summary>Kind and key; no key is another tunnel than key 0.</summary>
    private static ulong Tail(in IpTunnelKey key) => (ulong)key.Kind << 40 | (key.Key is { } number ? 1ul << 32 | number : 0);

    private uint Take<TKey>(NativeMap map, Dictionary<TKey, (uint Number, int Uses)> numbers, TKey key, ulong high, ulong low, uint tag)
        where TKey : notnull
    {
        if (!numbers.TryGetValue(key, out var held))
        {
            held.Number = ++_lastNumber;
            map.Set(high, low, tag, held.Number);
        }
        numbers[key] = (held.Number, held.Uses + 1);
        return held.Number;
    }

    private static void Drop<TKey>(NativeMap map, Dictionary<TKey, (uint Number, int Uses)> numbers, TKey key, ulong high, ulong low, uint tag)
        where TKey : notnull
    {
        var held = numbers[key];
        if (held.Uses > 1)
        {
            numbers[key] = (held.Number, held.Uses - 1);
            return;
        }
        numbers.Remove(key);
        map.Remove(high, low, tag);
    }
}
