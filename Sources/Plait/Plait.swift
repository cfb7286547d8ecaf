// The umbrella: `import Plait` gives all layers that need no system library.
@_exported public import PlaitIO
@_exported public import PlaitLoop
@_exported public import PlaitNet
@_exported public import PlaitParking
@_exported public import PlaitPlatform
@_exported public import PlaitProcesses
@_exported public import PlaitSelectors
@_exported public import PlaitStrands
@_exported public import PlaitSync
