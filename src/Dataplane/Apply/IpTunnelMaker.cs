using System.Runtime.InteropServices;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>Makes what workers see of GRE and IP in IP interfaces: the headers that go around their packets, and the way from a packet back to the interface.</summary>
internal static unsafe class IpTunnelMaker
{
    public const byte Ip4InIp = 4, Ip6InIp = 41, Gre = 47;

    /// <summary>The tunnel as packets that come in name it.</summary>
    public static IpTunnelKey KeyOf(InterfaceLink.IpTunnel link, uint vrf)
    {
        var (local, remote) = (AddressWords.From(link.Local), AddressWords.From(link.Remote));
        if (local.V6 != remote.V6) throw new ArgumentException("The ends of a tunnel are of different address families.", nameof(link));
        return new IpTunnelKey(vrf, local.V6, local.High, local.Low, remote.High, remote.Low, link.Payload, link.Key);
    }

    /// <summary>The interface's end in native memory (of NativeMemory.AlignedAlloc).</summary>
    public static TunnelEntry* Make(InterfaceLink.IpTunnel link, uint vrf)
    {
        var key = KeyOf(link, vrf);
        var bytes = (nuint)(sizeof(TunnelEntry) + sizeof(TunnelRemote));
        var entry = (TunnelEntry*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(entry, bytes);
        entry->Remotes = 1;
        entry->V6 = key.V6;
        entry->Vrf = vrf;
        entry->Payload = link.Payload;
        entry->Dscp = link.Dscp ?? TunnelEntry.CopyDscp;
        var ip = key.V6 ? 40 : 20;
        entry->HeaderBytes = (uint)(ip + (link.Payload == IpTunnelKind.Ip ? 0 : link.Key is null ? 4 : 8));
        var remote = TunnelEntry.Remote(entry, 1);
        (remote->High, remote->Low) = (key.RemoteHigh, key.RemoteLow);
        if (key.V6) Ip6Header.Write(remote->Headers, 0, Gre, link.Ttl, key.LocalHigh, key.LocalLow, key.RemoteHigh, key.RemoteLow);
        else Ip4Header.Write(remote->Headers, 0, 0, link.Ttl, Gre, (uint)key.LocalLow, (uint)key.RemoteLow);
        if (link.Payload != IpTunnelKind.Ip && link.Key is { } number)
        {
            // RFC 2890 §2: bit 2 says that a key is there.
            remote->Headers[ip] = 0x20;
            Wire.Put32(remote->Headers + ip + 4, number);
        }
        return entry;
    }
}
