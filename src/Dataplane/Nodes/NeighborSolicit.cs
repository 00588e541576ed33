using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Makes ARP requests, neighbor solicitations and announcements as whole Ethernet frames that wait before interface-output.</summary>
internal static unsafe class NeighborSolicit
{
    /// <summary>Asks for a neighbor's MAC address; to its known one when <paramref name="toMac"/> is given. False without a free packet.</summary>
    public static bool Send(WorkerContext context, ushort outputNode, uint onInterface, ulong high, ulong low, bool v6, ulong toMac = 0)
    {
        var index = context.Pool.Allocate();
        if (index == 0) return false;
        var entry = context.Tables.Interfaces[onInterface];
        if (v6) WriteSolicitation(context, index, entry, high, low, toMac);
        else WriteArp(context, index, entry, 1, toMac == 0 ? MacAddress.Broadcast : toMac, 0, SourceTowards4(context.Tables, entry, (uint)low), (uint)low);
        Launch(context, outputNode, onInterface, index);
        return true;
    }

    /// <summary>Tells the link that an own address is at this interface (RFC 5227 §2.3, RFC 4861 §7.2.6), so that neighbors renew what they knew.</summary>
    public static bool Announce(WorkerContext context, ushort outputNode, uint onInterface, ulong high, ulong low, bool v6)
    {
        var index = context.Pool.Allocate();
        if (index == 0) return false;
        var entry = context.Tables.Interfaces[onInterface];
        if (v6)
        {
            // RFC 4861 §4.4: router and override, to all nodes.
            WriteNeighbor(context, index, entry, 136, 0xA000_0000, high, low, high, low, 0xFF02_0000_0000_0000, 1, 0x0100_0000_3333);
        }
        else
        {
            WriteArp(context, index, entry, 1, MacAddress.Broadcast, 0, (uint)low, (uint)low);
        }
        Launch(context, outputNode, onInterface, index);
        return true;
    }

    /// <summary>Writes an ARP frame (RFC 826) from the interface into a fresh packet.</summary>
    public static void WriteArp(WorkerContext context, uint index, InterfaceEntry* from, int operation, ulong toMac, ulong targetMac, uint sender, uint target)
    {
        var meta = context.Pool.Meta(index);
        var frame = context.Pool.Data(index);
        MacAddress.Write(frame, toMac);
        MacAddress.Write(frame + 6, from->Mac);
        Wire.Put16(frame + 12, 0x0806);
        var arp = frame + 14;
        Wire.Put32(arp, 0x0001_0800);
        arp[4] = 6;
        arp[5] = 4;
        Wire.Put16(arp + 6, operation);
        MacAddress.Write(arp + 8, from->Mac);
        Wire.Put32(arp + 14, sender);
        MacAddress.Write(arp + 18, targetMac);
        Wire.Put32(arp + 24, target);
        meta->Length = 42;
        meta->TotalLength = 42;
    }

    /// <summary>Writes a neighbor solicitation (135) or advertisement (136) with the link-layer address of the interface.</summary>
    public static void WriteNeighbor(
        WorkerContext context,
        uint index,
        InterfaceEntry* from,
        byte type,
        uint flags,
        ulong targetHigh,
        ulong targetLow,
        ulong sourceHigh,
        ulong sourceLow,
        ulong toHigh,
        ulong toLow,
        ulong toMac)
    {
        var meta = context.Pool.Meta(index);
        var frame = context.Pool.Data(index);
        MacAddress.Write(frame, toMac);
        MacAddress.Write(frame + 6, from->Mac);
        Wire.Put16(frame + 12, 0x86DD);
        var ip = frame + 14;
        // RFC 4861 §4.3, §4.4: hop limit 255.
        Ip6Header.Write(ip, 32, 58, 255, sourceHigh, sourceLow, toHigh, toLow);
        var icmp = ip + 40;
        icmp[0] = type;
        icmp[1] = 0;
        Unsafe.WriteUnaligned(icmp + 2, (ushort)0);
        Wire.Put32(icmp + 4, flags);
        Wire.Put64(icmp + 8, targetHigh);
        Wire.Put64(icmp + 16, targetLow);
        // RFC 4861 §4.6.1: source link-layer address in a solicitation, target's in an advertisement.
        icmp[24] = (byte)(type == 135 ? 1 : 2);
        icmp[25] = 1;
        MacAddress.Write(icmp + 26, from->Mac);
        Unsafe.WriteUnaligned(icmp + 2, Checksum.Fold(Checksum.Add(Checksum.Pseudo6(ip + 8, 58, 32), icmp, 32)));
        meta->Length = 14 + 40 + 32;
        meta->TotalLength = meta->Length;
    }

    /// <summary>Sends a finished frame of the gateway's own.</summary>
    public static void Launch(WorkerContext context, ushort outputNode, uint onInterface, uint index)
    {
        var meta = context.Pool.Meta(index);
        meta->Flags = PacketFlags.Own | PacketFlags.BypassSpd;
        meta->TxInterface = onInterface;
        context.Enqueue(outputNode, index);
    }

    private static void WriteSolicitation(WorkerContext context, uint index, InterfaceEntry* entry, ulong high, ulong low, ulong toMac)
    {
        SourceTowards6(entry, high, low, out var sourceHigh, out var sourceLow);
        // RFC 4291 §2.7.1: the solicited-node address, RFC 2464 §7: its MAC address.
        var toHigh = toMac != 0 ? high : 0xFF02_0000_0000_0000;
        var toLow = toMac != 0 ? low : 0x0000_0001_FF00_0000 | (low & 0xFF_FFFF);
        if (toMac == 0) toMac = 0xFF_3333ul | (low >> 16 & 0xFF) << 24 | (low >> 8 & 0xFF) << 32 | (low & 0xFF) << 40;
        WriteNeighbor(context, index, entry, 135, 0, high, low, sourceHigh, sourceLow, toHigh, toLow, toMac);
    }

    /// <summary>RFC 1122 §3.3.4.3, RFC 5227: the sender of an ARP request is the interface's address in the target's network.</summary>
    private static uint SourceTowards4(DataplaneTables tables, InterfaceEntry* entry, uint target)
    {
        for (var own = entry->Addresses; own != null && own->PrefixLength != InterfaceAddressEntry.End; own++)
            if (!own->V6 && (((uint)own->Low ^ target) & Fib4.Mask(own->PrefixLength)) == 0) return (uint)own->Low;
        return entry->Ip4 != 0 ? entry->Ip4 : entry->Vrf == 0 ? tables.AnyIp4 : 0;
    }

    private static void SourceTowards6(InterfaceEntry* entry, ulong high, ulong low, out ulong sourceHigh, out ulong sourceLow)
    {
        for (var own = entry->Addresses; own != null && own->PrefixLength != InterfaceAddressEntry.End; own++)
        {
            if (!own->V6 || ((own->High ^ high) & Fib6.MaskHigh(own->PrefixLength)) != 0 || ((own->Low ^ low) & Fib6.MaskLow(own->PrefixLength)) != 0) continue;
            sourceHigh = own->High;
            sourceLow = own->Low;
            return;
        }
        sourceHigh = 0xFE80_0000_0000_0000;
        sourceLow = entry->LinkLocalLow;
    }
}
