using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Guard;

/// <summary>Asks the rules of MAC ACLs about whole Ethernet frames.</summary>
internal static unsafe class MacJudge
{
    /// <summary>Extension headers that are passed over to find out whether a packet is a neighbor advertisement.</summary>
    private const int MaxExtensions = 8;

    /// <summary>Marks those that a rule denies; counts each under its rule.</summary>
    [SkipLocalsInit]
    public static void Judge(ref Frame frame, MacProgram* program, uint* indices, int count, GuardFate* fates)
    {
        MacKey key;
        var counters = program->Counters + (nint)frame.Context.Worker * program->CounterStride;
        for (var i = 0; i < count; i++)
        {
            var meta = frame.Meta(indices[i]);
            Read(frame.Data(indices[i]), meta->Length, &key);
            var rule = MacProgram.Find(program, &key);
            counters[rule * 2]++;
            counters[rule * 2 + 1] += meta->TotalLength;
            if (program->Permits[rule] == 0) fates[i] = GuardFate.Denied;
        }
    }

    /// <summary>What the rules look at. A frame too short for what it says to carry speaks for no address.</summary>
    public static void Read(byte* data, uint length, MacKey* key)
    {
        *key = default;
        if (length < EthernetInput.HeaderLength) return;
        key->Destination = MacAddress.Read(data);
        key->Source = MacAddress.Read(data + 6);
        key->Type = FrameIp.TypeOf(data, length, out var header);
        if (header > EthernetInput.HeaderLength) key->Vlan = (ushort)(Wire.U16(data + EthernetInput.HeaderLength) & VlanTag.IdMask);
        var at = data + header;
        var left = length - header;
        switch (key->Type)
        {
            case FrameIp.Ip4 when left >= 20 && at[0] >> 4 == 4:
                (key->Ip, key->IpLow) = (4, Wire.U32(at + 12));
                break;
            // RFC 826: Ethernet and IPv4. The sender's MAC address is that of the frame, or the packet lies.
            case FrameIp.Arp when left >= 28 && Wire.U64(at) >> 16 == 0x0001_0800_0604 && MacAddress.Read(at + 8) == key->Source:
                (key->Ip, key->IpLow) = (4, Wire.U32(at + 14));
                break;
            case FrameIp.Ip6 when left >= 40 && at[0] >> 4 == 6:
                Read6(at, left, key);
                return;
        }

        (key->AlsoHigh, key->AlsoLow) = (key->IpHigh, key->IpLow);
    }

    private static void Read6(byte* at, uint left, MacKey* key)
    {
        (key->IpHigh, key->IpLow) = (key->AlsoHigh, key->AlsoLow) = (Wire.U64(at + 8), Wire.U64(at + 16));
        uint next = at[6], offset = 40;
        for (var headers = 0; next is 0 or 43 or 60; headers++)
        {
            // RFC 7113 §2: advertisements hide behind headers that nobody reads.
            if (headers == MaxExtensions || offset + 8 > left) return;
            next = at[offset];
            offset += (at[offset + 1] + 1u) * 8;
        }

        key->Ip = 6;
        if (next != 58) return;
        if (offset + 24 > left)
        {
            if (offset >= left || at[offset] == 136) key->Ip = 0;
            return;
        }

        // RFC 4861 §4.4: an advertisement speaks for its target.
        if (at[offset] == 136) (key->AlsoHigh, key->AlsoLow) = (Wire.U64(at + offset + 8), Wire.U64(at + offset + 16));
    }
}
