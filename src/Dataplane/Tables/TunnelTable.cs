using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>A remote end of a tunnel: the headers that go around a frame for it, all but what depends on the frame. Two cache lines.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal unsafe struct TunnelRemote
{
    /// <summary>IP header, UDP header and the tunnel's own, <see cref="TunnelEntry.HeaderBytes"/> of them.</summary>
    public fixed byte Headers[64];

    /// <summary>The address, host order; IPv4 in the low 32 bits.</summary>
    public ulong High;
    public ulong Low;

    /// <summary>Sum of the IPv4 header without its length, as <see cref="Nodes.Checksum"/> adds.</summary>
    public ulong HeaderSum;
}

/// <summary>The remote ends of a tunnel interface as workers see them; the ends follow it in memory.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct TunnelEntry
{
    public uint Remotes;
    public uint HeaderBytes;
    public uint Vrf;
    public bool V6;

    /// <summary>What an IP tunnel carries and how.</summary>
    public IpTunnelKind Payload;

    /// <summary>DSCP of an IP tunnel's outer packets; <see cref="CopyDscp"/> copies the inner one's.</summary>
    public byte Dscp;

    public const byte CopyDscp = 0xFF;

    /// <summary>A remote end by its number, 1 upwards.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TunnelRemote* Remote(TunnelEntry* tunnel, uint number) => (TunnelRemote*)(tunnel + 1) + (number - 1);
}

/// <summary>Finds the tunnel interface of a packet that came in: first whether its destination is an end of any tunnel, then which one by its source and the number of its network.</summary>
internal sealed class TunnelTable(Epochs epochs) : IDisposable
{
    private readonly NativeMap _ends = new(epochs, 16);
    private readonly NativeMap _remotes = new(epochs, 64);
    private readonly Dictionary<(ulong High, ulong Low, uint Tag), (uint Number, int Uses)> _numbers = [];

    /// <summary>Whether there is any tunnel.</summary>
    public bool Active;

    /// <summary>Number of a local end by address and UDP port; false when nothing ends there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnd(ulong high, ulong low, bool v6, uint port, out uint end) => _ends.TryGet(high, low, EndTag(v6, port), out end);

    /// <summary>The interface of a packet from a remote address in a network (24 bits), and the number of the remote end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(uint end, ulong high, ulong low, uint network, out uint index, out uint remote)
    {
        var found = _remotes.TryGet(high, low, end << 24 | network, out var value);
        (index, remote) = (value >> 16, value & 0xFFFF);
        return found;
    }

    /// <summary>Takes the number of a local end, which other tunnels may share; 0 when there are too many. Control side only.</summary>
    public uint TakeEnd(ulong high, ulong low, bool v6, uint port)
    {
        var key = (high, low, EndTag(v6, port));
        if (!_numbers.TryGetValue(key, out var end))
        {
            end.Number = Enumerable.Range(1, 255).Select(n => (uint)n).FirstOrDefault(n => _numbers.Values.All(v => v.Number != n));
            if (end.Number == 0) return 0;
            _ends.Set(high, low, key.Item3, end.Number);
        }
        _numbers[key] = (end.Number, end.Uses + 1);
        Active = true;
        return end.Number;
    }

    /// <summary>Gives a local end back. Control side only.</summary>
    public void DropEnd(ulong high, ulong low, bool v6, uint port)
    {
        var key = (high, low, EndTag(v6, port));
        if (!_numbers.TryGetValue(key, out var end)) return;
        if (end.Uses > 1)
        {
            _numbers[key] = (end.Number, end.Uses - 1);
            return;
        }
        _numbers.Remove(key);
        _ends.Remove(high, low, key.Item3);
        Active = _numbers.Count > 0;
    }

    /// <summary>Adds a remote end; false when another interface has it. Control side only.</summary>
    public bool Add(uint end, ulong high, ulong low, uint network, uint index, uint remote)
    {
        if (_remotes.TryGet(high, low, end << 24 | network, out _)) return false;
        _remotes.Set(high, low, end << 24 | network, index << 16 | remote);
        return true;
    }

    /// <summary>Removes a remote end. Control side only.</summary>
    public void Remove(uint end, ulong high, ulong low, uint network) => _remotes.Remove(high, low, end << 24 | network);

    public void Dispose()
    {
        _ends.Dispose();
        _remotes.Dispose();
    }

    private static uint EndTag(bool v6, uint port) => port << 1 | (v6 ? 1u : 0);
}
