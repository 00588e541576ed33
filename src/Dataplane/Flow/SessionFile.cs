using System.Runtime.InteropServices;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// Memory of one worker's sessions in a mapped file, which outlives the process: a page with the header, then the entries, then the addresses of IPv6 flows. What is not of this boot, of this format and of this size holds nothing.
/// Blocks are reserved at once, since a store into a mapping that finds no room on the disk would end the process.
/// <code>
///   0  magic       8  format, bytes of an entry   16  entries   20  workers   24  number of the worker   32  boot id (16)
///  64  timeouts by state, seconds
/// </code>
/// </summary>
internal static unsafe class SessionFile
{
    private const ulong Magic = 0x776F_6C66_5F79_7747;

    /// <summary>Changes with the layout of <see cref="Session"/>, with the numbers of <see cref="FlowState"/>, with what numbers of rules mean and with which worker has a flow.</summary>
    private const uint Format = 3;

    private const int Page = 4096, TimeoutsAt = 64;

    [StructLayout(LayoutKind.Sequential, Size = 48)]
    private struct Header
    {
        public ulong Magic;
        public uint Format;
        public uint EntrySize;
        public uint Entries;
        public uint Workers;
        public ulong Worker;
        public Guid Boot;
    }

    /// <summary>The file's memory, or the process's own when there can be no file; <paramref name="trouble"/> then says why.</summary>
    /// <param name="path">Made when it is not there.</param>
    /// <param name="boot">The boot of the machine: clocks and flows of another one mean nothing.</param>
    /// <param name="capacity">Of the table.</param>
    /// <param name="worker">Its number.</param>
    /// <param name="workers">How many there are: with another number other workers have the flows.</param>
    /// <param name="trouble">What went wrong.</param>
    public static SessionMemory Open(string path, Guid boot, uint capacity, int worker, int workers, out string? trouble)
    {
        trouble = null;
        var length = Page + ((long)capacity + 1) * (sizeof(Session) + sizeof(Ip6Ends));
        var header = new Header { Magic = Magic, Format = Format, EntrySize = (uint)sizeof(Session), Entries = capacity, Workers = (uint)workers, Worker = (ulong)worker, Boot = boot };
        try
        {
            var known = new FileInfo(path) is { Exists: true } file && file.Length == length;
            if (!known) File.Delete(path);
            using var handle = File.OpenHandle(path, known ? FileMode.Open : FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, FileOptions.None, known ? 0 : length);
            if (!known)
            {
                File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                // The blocks are reserved by now; that alone does not make the file longer.
                RandomAccess.SetLength(handle, length);
            }
            var at = Libc.TryMapFile(handle, (nuint)length);
            if (at == null) throw new IOException("It cannot be mapped.");
            var there = (Header*)at;
            var resumed = known && new ReadOnlySpan<byte>(there, sizeof(Header)).SequenceEqual(new ReadOnlySpan<byte>(&header, sizeof(Header)));
            if (!resumed)
            {
                // The header last: a start that ends in between leaves a file that holds nothing.
                there->Magic = 0;
                NativeMemory.Clear(at + sizeof(Header), (nuint)(length - sizeof(Header)));
                *there = header;
            }
            return new SessionMemory((Session*)(at + Page), resumed, () => Libc.Unmap(at, (nuint)length), (uint*)(at + TimeoutsAt));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            trouble = $"Flows are not kept over a restart: {path}: {e.Message}";
            return SessionMemory.Private(capacity);
        }
    }
}
