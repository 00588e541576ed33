using System.Runtime.InteropServices;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>Makes what workers see of VXLAN interfaces: their remote ends with the headers for each, and the way from a packet back to the interface.</summary>
internal static unsafe class TunnelMaker
{
    private const byte Hops = 64;
    private const byte Udp = 17;

    /// <summary>Puts an interface's ends into the table; throws, with nothing done, when they are another's.</summary>
    public static void Register(TunnelTable tunnels, InterfaceLink.Vxlan link, uint index)
    {
        var local = AddressWords.From(link.Local);
        if (link.Remotes.Count is 0 or > 65535) throw new ArgumentException("A VXLAN interface has 1 to 65535 remote ends.", nameof(link));
        if (link.Remotes.Any(r => AddressWords.From(r).V6 != local.V6)) throw new ArgumentException("The ends of a VXLAN interface are of different address families.", nameof(link));
        var end = tunnels.TakeEnd(local.High, local.Low, local.V6, link.Port);
        if (end == 0) throw new ArgumentException("There are too many local ends of tunnels.", nameof(link));
        for (var i = 0; i < link.Remotes.Count; i++)
        {
            var remote = AddressWords.From(link.Remotes[i]);
            if (tunnels.Add(end, remote.High, remote.Low, link.Vni, index, (uint)i + 1)) continue;
            foreach (var added in link.Remotes.Take(i).Select(AddressWords.From)) tunnels.Remove(end, added.High, added.Low, link.Vni);
            tunnels.DropEnd(local.High, local.Low, local.V6, link.Port);
            throw new ArgumentException("Another interface has this network with the same ends.", nameof(link));
        }
    }

    /// <summary>Takes an interface's ends out of the table.</summary>
    public static void Unregister(TunnelTable tunnels, InterfaceLink.Vxlan link)
    {
        var local = AddressWords.From(link.Local);
        if (!tunnels.TryEnd(local.High, local.Low, local.V6, link.Port, out var end)) return;
        foreach (var remote in link.Remotes.Select(AddressWords.From)) tunnels.Remove(end, remote.High, remote.Low, link.Vni);
        tunnels.DropEnd(local.High, local.Low, local.V6, link.Port);
    }

    /// <summary>The interface's ends in native memory (of NativeMemory.AlignedAlloc).</summary>
    public static TunnelEntry* Make(InterfaceLink.Vxlan link, uint vrf)
    {
        var local = AddressWords.From(link.Local);
        var bytes = (nuint)(sizeof(TunnelEntry) + (link.Remotes.Count * sizeof(TunnelRemote)));
        var entry = (TunnelEntry*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(entry, bytes);
        entry->Remotes = (uint)link.Remotes.Count;
        entry->V6 = local.V6;
        entry->Vrf = vrf;
        entry->HeaderBytes = (uint)((local.V6 ? 40 : 20) + UdpForUs.HeaderLength + VxlanEncap.HeaderLength);
        for (var i = 0; i < link.Remotes.Count; i++)
        {
            var remote = TunnelEntry.Remote(entry, (uint)i + 1);
            var words = AddressWords.From(link.Remotes[i]);
            (remote->High, remote->Low) = (words.High, words.Low);
            var udp = local.V6 ? Ip6(remote->Headers, local, words) : Ip4(remote->Headers, local, words);
            Wire.Put16(udp + 2, link.Port);
            udp[UdpForUs.HeaderLength] = 8;
            Wire.Put32(udp + UdpForUs.HeaderLength + 4, link.Vni << 8);
            if (!local.V6) remote->HeaderSum = Checksum.Add(0, remote->Headers, 20);
        }
        return entry;
    }

    private static byte* Ip4(byte* ip, AddressWords from, AddressWords to)
    {
        ip[0] = 0x45;
        // RFC 7348 §4.3: the ends do not fragment. RFC 6864 §4.1: a packet that nobody may fragment needs no identification.
        ip[6] = 0x40;
        ip[8] = Hops;
        ip[9] = Udp;
        Wire.Put32(ip + 12, (uint)from.Low);
        Wire.Put32(ip + 16, (uint)to.Low);
        return ip + 20;
    }

    private static byte* Ip6(byte* ip, AddressWords from, AddressWords to)
    {
        ip[0] = 0x60;
        ip[6] = Udp;
        ip[7] = Hops;
        Wire.Put64(ip + 8, from.High);
        Wire.Put64(ip + 16, from.Low);
        Wire.Put64(ip + 24, to.High);
        Wire.Put64(ip + 32, to.Low);
        return ip + 40;
    }
}
