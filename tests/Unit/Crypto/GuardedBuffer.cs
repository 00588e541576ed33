using System.Runtime.InteropServices;
using Xunit;

namespace Gateway.Unit.Crypto;

/// <summary>
/// Native bytes that end exactly at (or begin exactly behind) a page that must not be touched, so that a read too far ends the process,
/// and with canaries on the other side, so that a write too far is seen.
/// </summary>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private const int Page = 4096;
    private readonly byte* _map;
    private readonly nuint _mapped;
    private readonly byte* _usable;
    private readonly int _size;
    private byte* _begin;
    private int _length;

    internal GuardedBuffer(int capacity)
    {
        _size = (capacity + 64 + Page - 1) / Page * Page;
        _mapped = (nuint)(_size + 2 * Page);
        _map = mmap(null, _mapped, 3, 0x22, -1, 0);
        Assert.NotEqual(-1, (nint)_map);
        _usable = _map + Page;
        Assert.Equal(0, mprotect(_map, Page, 0));
        Assert.Equal(0, mprotect(_usable + _size, Page, 0));
    }

    /// <summary>Room for <paramref name="length"/> bytes against the guard page behind (or before) them.</summary>
    internal byte* Place(int length, bool atEnd)
    {
        new Span<byte>(_usable, _size).Fill(0xC5);
        _length = length;
        return _begin = atEnd ? _usable + _size - length : _usable;
    }

    internal Span<byte> Span => new(_begin, _length);

    internal bool CanariesLive =>
        !new Span<byte>(_usable, (int)(_begin - _usable)).ContainsAnyExcept((byte)0xC5)
        && !new Span<byte>(_begin + _length, (int)(_usable + _size - _begin) - _length).ContainsAnyExcept((byte)0xC5);

    public void Dispose() => _ = munmap(_map, _mapped);

    [LibraryImport("libc")]
    private static partial byte* mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc")]
    private static partial int mprotect(void* address, nuint length, int protection);
}
