using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Where a frame goes that an interface received out of another packet: to the interface's bridge, to its cross-connect, or to be told apart as one from a port.</summary>
internal static unsafe class LinkInput
{
    /// <summary>Edges of the nodes that use this.</summary>
    public enum Edge : ushort
    {
        EthernetInput,
        BridgeInput,
        CrossConnect,
        SpanInput,
        GuardInput,
    }

    public static (Edge Edge, string Node)[] Edges { get; } =
        [(Edge.EthernetInput, NodeNames.EthernetInput), (Edge.BridgeInput, NodeNames.BridgeInput), (Edge.CrossConnect, NodeNames.CrossConnect), (Edge.SpanInput, NodeNames.SpanInput), (Edge.GuardInput, NodeNames.GuardInput)];

    /// <summary>What takes the interface's frames, whatever they carry; the edge to ethernet-input when nothing does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Edge TakerOf(InterfaceFlags flags) =>
        (flags & InterfaceFlags.Bridged) != 0 ? Edge.BridgeInput : (flags & InterfaceFlags.Connected) != 0 ? Edge.CrossConnect : Edge.EthernetInput;

    /// <summary>Lets an interface receive a frame that begins at its Ethernet header. An interface with sub-interfaces looks for tags first, as a port does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Receive(ref Frame frame, uint index, PacketMeta* meta, uint on, InterfaceFlags flags)
    {
        meta->RxInterface = on;
        frame.Context.CountReceived(on, meta->TotalLength);
        frame.Enqueue((flags & InterfaceFlags.SpanIn) != 0 ? Edge.SpanInput : (flags & InterfaceFlags.GuardIn) != 0 ? Edge.GuardInput : Next(flags), index);
    }

    /// <summary>Where a frame goes that was copied, or need not be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Edge Next(InterfaceFlags flags) => (flags & InterfaceFlags.SubInterfaces) != 0 ? Edge.EthernetInput : TakerOf(flags);
}
