using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Graph;

/// <summary>What one worker saw of one interface; a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct InterfaceCounters
{
    public ulong RxPackets;
    public ulong RxBytes;
    public ulong TxPackets;
    public ulong TxBytes;

    /// <summary>The port took no more packets.</summary>
    public ulong TxFull;

    /// <summary>Received while the interface was disabled.</summary>
    public ulong RxDisabled;

    /// <summary>Packets for the gateway itself that went to the punt interface or the IKE engine.</summary>
    public ulong Punted;
}
