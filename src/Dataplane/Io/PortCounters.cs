using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io;

/// <summary>What a port itself saw; written by its worker alone, read by anyone.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PortCounters
{
    public ulong RxPackets;
    public ulong RxBytes;

    /// <summary>Arrived but not taken: no free packet, damaged, or lost by the kernel's ring.</summary>
    public ulong RxDropped;
    public ulong TxPackets;
    public ulong TxBytes;

    /// <summary>Taken by <see cref="IPacketPort.Transmit"/> but refused by the device.</summary>
    public ulong TxErrors;

    public static PortCounters operator +(in PortCounters a, in PortCounters b) => new()
    {
        RxPackets = a.RxPackets + b.RxPackets,
        RxBytes = a.RxBytes + b.RxBytes,
        RxDropped = a.RxDropped + b.RxDropped,
        TxPackets = a.TxPackets + b.TxPackets,
        TxBytes = a.TxBytes + b.TxBytes,
        TxErrors = a.TxErrors + b.TxErrors,
    };
}
