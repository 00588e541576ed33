using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Flow;

/// <summary>What holds of a session besides its state.</summary>
[Flags]
internal enum SessionFlags : byte
{
    None = 0,

    /// <summary>The entry holds a session. Written last and cleared first, so that memory which outlives the process never shows half of one.</summary>
    InUse = 1,

    /// <summary>Packets are translated.</summary>
    Translated = 2,

    /// <summary>A packet came back.</summary>
    Replied = 4,

    /// <summary>Counted as one that both ends want.</summary>
    Assured = 8,

    /// <summary>Its outside address and port came from a pool and go back there.</summary>
    PoolPort = 16,
}

/// <summary>
/// A flow with both its directions; two cache lines, of which packets need the first only. A translated packet is the reverse of what the other direction looks like, so the two keys are the whole
/// translation.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct Session
{
    /// <summary>How its originator's packets arrive.</summary>
    [FieldOffset(0)] public FlowKey Forward;

    /// <summary>How the answers arrive.</summary>
    [FieldOffset(16)] public FlowKey Reply;
    [FieldOffset(32)] public FlowState State;
    [FieldOffset(33)] public SessionFlags Flags;

    /// <summary>Of the rules by which it was let through.</summary>
    [FieldOffset(36)] public uint Generation;

    /// <summary>Seconds of the table's clock.</summary>
    [FieldOffset(40)] public uint LastUse;
    [FieldOffset(44)] private uint _forwardPackets;
    [FieldOffset(48)] private uint _replyPackets;
    [FieldOffset(52)] private uint _forwardBytes;
    [FieldOffset(56)] private uint _replyBytes;

    /// <summary>Number of the NAT rule, 0 none.</summary>
    [FieldOffset(60)] public uint Rule;

    // The second line: what only set-up, clean-up and the rare carry of a counter touch.
    [FieldOffset(64)] public uint WheelNext;
    [FieldOffset(68)] public uint WheelPrevious;
    [FieldOffset(72)] public uint Source;
    [FieldOffset(76)] public uint SourceNext;
    [FieldOffset(80)] public uint SourcePrevious;
    [FieldOffset(84)] public uint Created;
    [FieldOffset(88)] private ushort _forwardPacketsHigh;
    [FieldOffset(90)] private ushort _replyPacketsHigh;
    [FieldOffset(92)] private ushort _forwardBytesHigh;
    [FieldOffset(94)] private ushort _replyBytesHigh;
    [FieldOffset(96)] public ushort WheelSlot;

    /// <summary>Number of the pool that its outside port is of.</summary>
    [FieldOffset(98)] public ushort Pool;

    /// <summary>In place of an interface: where its packets come from and go to is asked of the routes.</summary>
    public const ushort UnknownInterface = ushort.MaxValue;

    /// <summary>The interfaces that its first packet came in and left by.</summary>
    [FieldOffset(100)] public ushort In;

    /// <inheritdoc cref="In"/>
    [FieldOffset(102)] public ushort Out;

    public readonly ulong ForwardPackets => _forwardPackets | (ulong)_forwardPacketsHigh << 32;

    public readonly ulong ReplyPackets => _replyPackets | (ulong)_replyPacketsHigh << 32;

    public readonly ulong ForwardBytes => _forwardBytes | (ulong)_forwardBytesHigh << 32;

    public readonly ulong ReplyBytes => _replyBytes | (ulong)_replyBytesHigh << 32;

    /// <summary>Its answers arrive in another VRF than its originator's packets.</summary>
    public readonly bool CrossesVrfs
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ((Forward.Rest ^ Reply.Rest) & FlowKey.VrfMask) != 0;
    }

    /// <summary>
    /// The VRF whose routes lead a packet of it on: an answer goes back to where the originator is; whose destination is translated goes on where the inside host is, and any other by the routes of the VRF that it came in by, of which one leads out.
    /// </summary>
    public readonly uint LookupVrf(bool reply) => reply || Forward.Destination == Reply.Source ? Forward.Vrf : Reply.Vrf;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Count(bool reply, uint bytes)
    {
        if (reply)
        {
            if (++_replyPackets == 0) _replyPacketsHigh++;
            _replyBytes += bytes;
            if (_replyBytes < bytes) _replyBytesHigh++;
        }
        else
        {
            if (++_forwardPackets == 0) _forwardPacketsHigh++;
            _forwardBytes += bytes;
            if (_forwardBytes < bytes) _forwardBytesHigh++;
        }
    }
}
