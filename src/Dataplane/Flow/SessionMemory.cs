using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Flow;

/// <summary>Where the sessions of one worker lie: in the process's own memory, or in a mapped file that outlives it.</summary>
internal sealed unsafe class SessionMemory : IDisposable
{
    private readonly Action _free;

    /// <param name="sessions">See <see cref="Sessions"/>.</param>
    /// <param name="resumed">See <see cref="Resumed"/>.</param>
    /// <param name="free">Gives the memory back.</param>
    /// <param name="timeouts">See <see cref="Timeouts"/>.</param>
    public SessionMemory(Session* sessions, bool resumed, Action free, uint* timeouts = null)
    {
        Sessions = sessions;
        Timeouts = timeouts;
        Resumed = resumed;
        _free = free;
    }

    /// <summary>Numbers run from 1 to the capacity. Behind them, by the same numbers, are the addresses of IPv6 flows.</summary>
    public Session* Sessions { get; }

    /// <summary>Room for the timeouts by state that are in force, seconds, so that the next process knows how long the sessions may be idle; null where there is none. 0 says nothing.</summary>
    public uint* Timeouts { get; }

    /// <summary>It holds what a process before left.</summary>
    public bool Resumed { get; }

    public static SessionMemory Private(uint capacity)
    {
        // Zeroed memory of this size comes from the system page by page, when it is touched.
        var memory = (byte*)NativeMemory.AllocZeroed(((nuint)capacity + 2) * (nuint)(sizeof(Session) + sizeof(Ip6Ends)));
        var aligned = (Session*)(((nuint)memory + 63) & ~(nuint)63);
        return new SessionMemory(aligned, false, () => NativeMemory.Free(memory));
    }

    public void Dispose() => _free();
}
