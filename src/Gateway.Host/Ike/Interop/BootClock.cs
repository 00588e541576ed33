using System.Runtime.InteropServices;
using Gateway.Ike.Sa;

namespace Gateway.Host.Ike.Interop;

/// <summary>CLOCK_BOOTTIME: counts from the boot of the machine, sleep included, and never jumps.</summary>
internal static partial class BootClock
{
    private const int ClockBoottime = 7;

    public static Timestamp Now
    {
        get
        {
            _ = clock_gettime(ClockBoottime, out var time);
            return new Timestamp((time.Seconds * 1000) + (time.Nanoseconds / 1_000_000));
        }
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
