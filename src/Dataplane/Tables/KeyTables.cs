using Gateway.Crypto.Aead;

namespace Gateway.Dataplane.Tables;

/// <summary>The AES-GCM tables of all workers, as the control side sees them: room is made as SAs come, up to a bound for each worker.</summary>
internal sealed class KeyTables : IDisposable
{
    private readonly List<AesGcmKeyCache> _caches = [];
    private int _keys;

    /// <summary>The tables of a worker, made with its context.</summary>
    public AesGcmKeyCache Of(int worker)
    {
        while (_caches.Count <= worker) _caches.Add(new AesGcmKeyCache(_caches.Count));
        _caches[worker].Grow(_keys);
        return _caches[worker];
    }

    /// <summary>So many keys are installed: each worker may come to own all of them.</summary>
    public void Grow(int keys)
    {
        _keys = Math.Max(_keys, keys);
        foreach (var cache in _caches) cache.Grow(_keys);
    }

    /// <summary>The worker seals and opens no packet with the key any more: its tables are zeroed.</summary>
    /// <param name="hint">Where the worker had them last.</param>
    public unsafe void Forget(int worker, ulong seed, AesGcmKeyBlock* hint)
    {
        if (worker < _caches.Count) _caches[worker].Forget(seed, hint);
    }

    public void Dispose()
    {
        foreach (var cache in _caches) cache.Dispose();
        _caches.Clear();
    }
}
