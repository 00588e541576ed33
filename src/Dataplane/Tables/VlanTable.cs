using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Tables;

/// <summary>The VLAN sub-interfaces by the interface that carries them and their tags. The closest wins: one that names both tags of a frame before one that names the outer alone.</summary>
internal sealed class VlanTable(Epochs epochs) : IDisposable
{
    private readonly NativeMap _map = new(epochs, 64);

    /// <summary>Finds the sub-interface of a frame with these tags (<see cref="VlanTag.Word"/>; inner 0 when there is none). Says how many bytes of tags are its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(uint carrier, uint outer, uint inner, out uint index, out int tagBytes)
    {
        tagBytes = 8;
        if (inner != 0 && _map.TryGet(outer, inner, carrier, out index)) return true;
        tagBytes = 4;
        return _map.TryGet(outer, 0, carrier, out index);
    }

    /// <summary>Adds a sub-interface; false when another has the same tags. Control side only.</summary>
    public bool Add(uint carrier, uint outer, uint inner, uint index)
    {
        if (_map.TryGet(outer, inner, carrier, out _)) return false;
        _map.Set(outer, inner, carrier, index);
        return true;
    }

    /// <summary>Removes a sub-interface. Control side only.</summary>
    public void Remove(uint carrier, uint outer, uint inner) => _map.Remove(outer, inner, carrier);

    public void Dispose() => _map.Dispose();
}
