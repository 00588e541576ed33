using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers.Interop;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Native memory for many rows of one size, each in one place until it is given back. The first hundreds lie in small pieces; with thousands the pieces are as long as the processor's large
/// pages, since in pages of 4 kB they would take more entries of its TLB than there are. Control side only.
/// </summary>
internal sealed unsafe class RowSlab : IDisposable
{
    private const int Line = 64;
    private const nuint SmallPiece = 64 << 10, LargePiece = 2 << 20;
    private const int SmallPieces = 4;

    private readonly nuint _stride;
    private readonly List<nint> _pieces = [];
    private readonly Stack<nint> _free = [];

    /// <param name="size">Of a row, bytes.</param>
    public RowSlab(int size)
    {
        // An odd number of lines where there are several: the same line of all rows must not fall into the same few sets of the cache.
        var lines = (size + Line - 1) / Line;
        if (lines >= 4) lines |= 1;
        _stride = (nuint)(lines * Line);
    }

    /// <summary>A zeroed row that begins at a cache line.</summary>
    public void* Take()
    {
        if (_free.Count == 0) Extend();
        var row = (void*)_free.Pop();
        NativeMemory.Clear(row, _stride);
        return row;
    }

    /// <summary>Gives a row back that nobody reads any more.</summary>
    public void Give(void* row) => _free.Push((nint)row);

    public void Dispose()
    {
        foreach (var piece in _pieces) NativeMemory.AlignedFree((void*)piece);
        _pieces.Clear();
        _free.Clear();
    }

    private void Extend()
    {
        var isLarge = _pieces.Count >= SmallPieces;
        var bytes = isLarge ? LargePiece : SmallPiece;
        var piece = (byte*)NativeMemory.AlignedAlloc(bytes, isLarge ? LargePiece : Line);
        if (isLarge) NativeMemoryMap.PreferHugePages(piece, bytes);
        _pieces.Add((nint)piece);
        for (var row = bytes / _stride; row-- > 0;) _free.Push((nint)(piece + row * _stride));
    }
}
