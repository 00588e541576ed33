using System.Runtime.InteropServices;
using Gateway.Dataplane.Esp;

namespace Gateway.Scenarios.Ike;

/// <summary>The sequence numbers of one SA as a worker of one process gives them, over hot state that outlives the process.</summary>
internal sealed unsafe class EspSender : IDisposable
{
    private SaEntry* _entry = (SaEntry*)NativeMemory.AlignedAlloc((nuint)sizeof(SaEntry), 64);

    public EspSender(nint hot)
    {
        *_entry = default;
        _entry->Hot = (SaHotState*)hot;
        OutboundSequence.Start(_entry);
    }

    /// <summary>Zeroed hot state, as a new slot has it; whoever made it frees it.</summary>
    public static nint NewHotState()
    {
        var hot = (nint)NativeMemory.AlignedAlloc(SaHotState.Bytes, 64);
        new Span<byte>((void*)hot, SaHotState.Bytes).Clear();
        return hot;
    }

    public static void Free(nint hot) => NativeMemory.AlignedFree((void*)hot);

    public ulong Next()
    {
        if (!OutboundSequence.TryNext(_entry, out var sequence)) throw new InvalidOperationException("No number is left.");
        return sequence;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_entry);
        _entry = null;
    }
}
