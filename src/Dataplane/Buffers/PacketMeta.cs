using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Buffers;

/// <summary>One cache line beside each chunk: where the packet lies in it, where it came from, where it goes. All offsets count from the start of the chunk.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct PacketMeta
{
    /// <summary>Start of the current header. At ethernet-input the Ethernet header, at all IP nodes the IP header.</summary>
    public ushort Offset;

    /// <summary>Bytes in this chunk from <see cref="Offset"/> on.</summary>
    public ushort Length;

    /// <summary>The chunk that goes on with this packet, 0 none.</summary>
    public uint Next;

    /// <summary>Bytes of the whole chain from <see cref="Offset"/> on; equals <see cref="Length"/> without a chain. Held in the first chunk only.</summary>
    public uint TotalLength;

    public PacketFlags Flags;

    /// <summary>Why the packet was dropped: a number of the graph's drop table.</summary>
    public ushort Drop;

    /// <summary>Start of the IP header, set by ip input.</summary>
    public ushort L3;

    /// <summary>Start of what follows the IP header and its extension headers, set by ip input.</summary>
    public ushort L4;

    /// <summary>IP protocol at <see cref="L4"/>, set by ip input.</summary>
    public byte Protocol;

    /// <summary>Free for a node and the next one after it.</summary>
    public byte Scratch;

    /// <summary>Number under which the way of a traced packet is recorded.</summary>
    public ushort TraceId;

    public uint RxInterface;
    public uint TxInterface;
    public uint Vrf;

    /// <summary>SAD index of the SA it was decrypted by; 0 none.</summary>
    public uint Sa;

    /// <summary>Adjacency index, set by ip lookup.</summary>
    public uint NextHop;

    /// <summary>Bytes of the largest fragment that an IPv6 packet came in, when it was put together on its way; 0 it came whole. Set by reassembly, for rewrite and encryption.</summary>
    public uint FragmentSize;

    /// <summary>Free for a node to tell the next one something; not kept further.</summary>
    public ulong Opaque0;

    /// <inheritdoc cref="Opaque0"/>
    public ulong Opaque1;
}
