<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Seamline</name>
    <message>
        <source>Adapt model to scene</source>
        <translation>Modell an Szene anpassen</translation>
    </message>
    <message>
        <source>Trains the pan-sharpening model a little on the scene itself and writes the result as a model folder. No reference is needed: both images are degraded by their ratio, fused, and compared with the multispectral image.

Choose the folder as 'Model folder' in Pan-sharpen, for this scene or for others of the same sensor and season.

A fifth of the ground is held out. Weights are changed only where that part gains 2 % or more; otherwise the folder holds the model as it ships, and the log says so. Expect a small gain where the sensor is unlike the training data, and none where it is not.</source>
        <translation>Trainiert das Pan-Sharpening-Modell ein wenig an der Szene selbst und schreibt das Ergebnis als Modellordner. Eine Referenz ist nicht nötig: beide Bilder werden um ihr Verhältnis vergröbert, fusioniert und mit dem Multispektralbild verglichen.

Den Ordner als 'Modellordner' in Pan-Sharpening wählen, für diese Szene oder für andere desselben Sensors und derselben Jahreszeit.

Ein Fünftel der Fläche wird zurückgehalten. Gewichte werden nur geändert, wenn dieser Teil 2 % oder mehr gewinnt; sonst enthält der Ordner das Modell, wie es ausgeliefert wird, und das Protokoll sagt es. Zu erwarten ist ein kleiner Gewinn, wo der Sensor den Trainingsdaten unähnlich ist, und keiner, wo er es nicht ist.</translation>
    </message>
    <message>
        <source>Most training steps. More takes longer. Empty: 30.</source>
        <translation>Höchstzahl der Trainingsschritte. Mehr dauert länger. Leer: 30.</translation>
    </message>
    <message>
        <source>Training steps</source>
        <translation>Trainingsschritte</translation>
    </message>
    <message>
        <source>The bands of the scene, at least 24 pixels along each side.</source>
        <translation>Die Kanäle der Szene, mindestens 24 Pixel entlang jeder Seite.</translation>
    </message>
    <message>
        <source>One band of the same scene in finer pixels.</source>
        <translation>Ein Kanal derselben Szene in feineren Pixeln.</translation>
    </message>
    <message>
        <source>A new or empty folder for the model: its card and its weights.</source>
        <translation>Ein neuer oder leerer Ordner für das Modell: seine Karte und seine Gewichte.</translation>
    </message>
    <message>
        <source>pansharpen,train,fine-tune,adapt,model,sensor,diffusion</source>
        <translation>Pan-Sharpening,trainieren,Feinabstimmung,anpassen,Modell,Sensor,Diffusion</translation>
    </message>
    <message>
        <source>Multispectral raster</source>
        <translation>Multispektrales Raster</translation>
    </message>
    <message>
        <source>Panchromatic raster</source>
        <translation>Panchromatisches Raster</translation>
    </message>
    <message>
        <source>Adapted model</source>
        <translation>Angepasstes Modell</translation>
    </message>
    <message>
        <source>Step that was kept; 0: the model as it ships</source>
        <translation>Behaltener Schritt; 0: das Modell, wie es ausgeliefert wird</translation>
    </message>
    <message>
        <source>Loss on held-out ground before</source>
        <translation>Verlust auf zurückgehaltener Fläche vorher</translation>
    </message>
    <message>
        <source>Loss on held-out ground after</source>
        <translation>Verlust auf zurückgehaltener Fläche nachher</translation>
    </message>
    <message>
        <source>Cancelled; nothing was written</source>
        <translation>Abgebrochen; nichts wurde geschrieben</translation>
    </message>
    <message>
        <source>HTML files</source>
        <translation>HTML-Dateien</translation>
    </message>
    <message>
        <source>JSON files</source>
        <translation>JSON-Dateien</translation>
    </message>
    <message>
        <source>Pan-sharpening</source>
        <translation>Pan-Sharpening</translation>
    </message>
    <message>
        <source>Super-resolution</source>
        <translation>Super-Resolution</translation>
    </message>
    <message>
        <source>Segmentation</source>
        <translation>Segmentierung</translation>
    </message>
    <message>
        <source>Classification</source>
        <translation>Klassifizierung</translation>
    </message>
    <message>
        <source>Training</source>
        <translation>Training</translation>
    </message>
    <message>
        <source>Quality</source>
        <translation>Qualität</translation>
    </message>
    <message>
        <source>Metrics as JSON</source>
        <translation>Maßzahlen als JSON</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Extent</source>
        <translation>Ausdehnung</translation>
    </message>
    <message>
        <source>Bands</source>
        <translation>Kanäle</translation>
    </message>
    <message>
        <source>Reference raster</source>
        <translation>Referenzraster</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>Labels</translation>
    </message>
    <message>
        <source>Class field</source>
        <translation>Klassenfeld</translation>
    </message>
    <message>
        <source>Trained model</source>
        <translation>Trainiertes Modell</translation>
    </message>
    <message>
        <source>Those that ship, and those that were installed with 'seamline models install'. 'Train on my labels' makes one of your own, which is given by its folder.</source>
        <translation>Die mitgelieferten und die mit 'seamline models install' installierten. 'Mit eigenen Labels trainieren' macht ein eigenes, das über seinen Ordner angegeben wird.</translation>
    </message>
    <message>
        <source>Segment</source>
        <translation>Segmentieren</translation>
    </message>
    <message>
        <source>Writes the class of every pixel of an image, as a Cloud Optimized GeoTIFF with the colours and the names of the classes, and as polygons where you ask for them.

The scene is worked in overlapping tiles without seams, so it may have any size: tiles agree on probabilities first, and the class is chosen after that. Pixels that are masked in the input are masked in the output.

'Train on my labels' makes a model for classes of your own.</source>
        <translation>Schreibt die Klasse jedes Pixels eines Bildes, als Cloud Optimized GeoTIFF mit den Farben und den Namen der Klassen, und auf Wunsch als Polygone.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet und darf beliebig groß sein: zuerst einigen sich die Kacheln auf Wahrscheinlichkeiten, danach wird die Klasse gewählt. Pixel, die in der Eingabe maskiert sind, sind es auch in der Ausgabe.

'Mit eigenen Labels trainieren' macht ein Modell für eigene Klassen.</translation>
    </message>
    <message>
        <source>Segmented</source>
        <translation>Segmentiert</translation>
    </message>
    <message>
        <source>Polygons smaller than this are left out, in square metres. Empty: none.</source>
        <translation>Kleinere Polygone werden weggelassen, in Quadratmetern. Leer: keine.</translation>
    </message>
    <message>
        <source>How far the rim of a polygon may move when it is made simpler, in metres. Empty: not at all.</source>
        <translation>Wie weit sich der Rand eines Polygons beim Vereinfachen verschieben darf, in Metern. Leer: gar nicht.</translation>
    </message>
    <message>
        <source>Classify patches</source>
        <translation>Bildausschnitte klassifizieren</translation>
    </message>
    <message>
        <source>Writes the class of every patch of an image, as a Cloud Optimized GeoTIFF with a pixel a patch and the colours and the names of the classes, and as squares where you ask for them. How large a patch is, the model decides; 'Segment' is for models that tell pixels apart.

The scene is worked in overlapping tiles without seams, so it may have any size. Patches of which every pixel is masked in the input are masked in the output.

'Train on my labels' makes a model for classes of your own.</source>
        <translation>Schreibt die Klasse jedes Ausschnitts eines Bildes, als Cloud Optimized GeoTIFF mit einem Pixel je Ausschnitt und den Farben und den Namen der Klassen, und auf Wunsch als Quadrate. Wie groß ein Ausschnitt ist, bestimmt das Modell; 'Segmentieren' ist für Modelle, die Pixel unterscheiden.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet und darf beliebig groß sein. Ausschnitte, von denen in der Eingabe jedes Pixel maskiert ist, sind es auch in der Ausgabe.

'Mit eigenen Labels trainieren' macht ein Modell für eigene Klassen.</translation>
    </message>
    <message>
        <source>Classified</source>
        <translation>Klassifiziert</translation>
    </message>
    <message>
        <source>Input raster</source>
        <translation>Eingaberaster</translation>
    </message>
    <message>
        <source>The image whose classes are told. Pixels without data need a nodata value or a mask.</source>
        <translation>Das Bild, dessen Klassen bestimmt werden. Pixel ohne Daten brauchen einen Nodata-Wert oder eine Maske.</translation>
    </message>
    <message>
        <source>Probabilities</source>
        <translation>Wahrscheinlichkeiten</translation>
    </message>
    <message>
        <source>The probability of each class, a band each, where the model can tell it.</source>
        <translation>Die Wahrscheinlichkeit jeder Klasse, je ein Kanal, wo das Modell sie nennen kann.</translation>
    </message>
    <message>
        <source>Confidence</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <source>The probability of the class that was chosen, from 0 to 1, where the model can tell it.</source>
        <translation>Die Wahrscheinlichkeit der gewählten Klasse, von 0 bis 1, sofern das Modell sie angeben kann.</translation>
    </message>
    <message>
        <source>Uncertainty</source>
        <translation>Unsicherheit</translation>
    </message>
    <message>
        <source>How unsure the model is of each pixel, where it can tell it.</source>
        <translation>Wie unsicher das Modell bei jedem Pixel ist, wo es das nennen kann.</translation>
    </message>
    <message>
        <source>segmentation,land cover,classes,labels,mask,polygons,vectorize,diffusion</source>
        <translation>Segmentierung,Landbedeckung,Klassen,Maske,Polygone,vektorisieren,Diffusion,segmentation</translation>
    </message>
    <message>
        <source>Polygons</source>
        <translation>Polygone</translation>
    </message>
    <message>
        <source>The areas of each class as polygons with its name, in a GeoPackage (.gpkg), drawn in its colours.</source>
        <translation>Die Flächen jeder Klasse als Polygone mit ihrem Namen, in einem GeoPackage (.gpkg), in ihren Farben gezeichnet.</translation>
    </message>
    <message>
        <source>Smallest polygon (square metres)</source>
        <translation>Kleinstes Polygon (m²)</translation>
    </message>
    <message>
        <source>Simplify polygons by (m)</source>
        <translation>Polygone vereinfachen um (m)</translation>
    </message>
    <message>
        <source>classification,land use,scene,patches,classes,labels,diffusion</source>
        <translation>Klassifizierung,Landnutzung,Szene,Ausschnitte,Kacheln,Klassen,Diffusion,classification</translation>
    </message>
    <message>
        <source>Patches</source>
        <translation>Ausschnitte</translation>
    </message>
    <message>
        <source>A square a patch with its class and the score of it, in a GeoPackage (.gpkg).</source>
        <translation>Ein Quadrat je Ausschnitt mit seiner Klasse und deren Wert, in einem GeoPackage (.gpkg).</translation>
    </message>
    <message>
        <source>Engine doctor</source>
        <translation>Engine-Diagnose</translation>
    </message>
    <message>
        <source>Engine</source>
        <translation>Engine</translation>
    </message>
    <message>
        <source>Examines the engine: its Python and packages, the device that really computes, the models byte by byte, and a run of a few seconds. Each failure comes with what to do.

The report opens in the result viewer. Copy it into a message when you ask for help.

An engine is set up in Settings &gt; Options &gt; Seamline.</source>
        <translation>Untersucht die Engine: ihr Python und ihre Pakete, das Gerät, das wirklich rechnet, die Modelle Byte für Byte, und einen Lauf von wenigen Sekunden. Zu jedem Fehler steht, was zu tun ist.

Der Bericht öffnet sich in der Ergebnisanzeige. Beim Fragen um Hilfe mitschicken.

Eine Engine wird unter Einstellungen &gt; Optionen &gt; Seamline eingerichtet.</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Bericht</translation>
    </message>
    <message>
        <source>A page with every finding, to read or to send.</source>
        <translation>Eine Seite mit jedem Befund, zum Lesen oder Verschicken.</translation>
    </message>
    <message>
        <source>check,diagnose,installation,versions,gpu,cuda,setup,models</source>
        <translation>prüfen,Diagnose,Installation,Versionen,GPU,CUDA,Einrichtung,Modelle</translation>
    </message>
    <message>
        <source>Number of failures</source>
        <translation>Zahl der Fehler</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Python of the engine</source>
        <translation>Python der Engine</translation>
    </message>
    <message>
        <source>engine</source>
        <translation>Engine</translation>
    </message>
    <message>
        <source>the report cannot be written ({reason})</source>
        <translation>der Bericht kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>Evaluate fused image</source>
        <translation>Fusioniertes Bild bewerten</translation>
    </message>
    <message>
        <source>Measures how good a fused image is: against a reference image where there is one (Q2n, SAM, ERGAS, SCC, PSNR, SSIM), or against the panchromatic and the multispectral image that it was made of (D_lambda, D_s, HQNR, consistency).

With Wald's protocol it measures a model instead: both images are degraded by their ratio, the model fuses them, and the result is compared with the multispectral image as it was delivered.

Rank by a reference first. Indices without one favour smooth results; differences of a hundredth mean nothing.</source>
        <translation>Misst, wie gut ein fusioniertes Bild ist: gegen ein Referenzbild, wo es eines gibt (Q2n, SAM, ERGAS, SCC, PSNR, SSIM), oder gegen das panchromatische und das multispektrale Bild, aus denen es entstand (D_lambda, D_s, HQNR, Konsistenz).

Mit dem Protokoll von Wald misst es stattdessen ein Modell: beide Bilder werden um ihr Verhältnis vergröbert, das Modell fusioniert sie, und das Ergebnis wird mit dem Multispektralbild verglichen, wie es geliefert wurde.

Zuerst nach einer Referenz ordnen. Indizes ohne Referenz bevorzugen glatte Ergebnisse; Unterschiede von einem Hundertstel bedeuten nichts.</translation>
    </message>
    <message>
        <source>Panchromatic pixels along one multispectral pixel, for ERGAS. Empty: from the two images.</source>
        <translation>Panchromatische Pixel entlang eines multispektralen Pixels, für ERGAS. Leer: aus den beiden Bildern.</translation>
    </message>
    <message>
        <source>Bit depth of the data, such as 11, for PSNR and SSIM. Empty: that of the data type.</source>
        <translation>Bittiefe der Daten, etwa 11, für PSNR und SSIM. Leer: die des Datentyps.</translation>
    </message>
    <message>
        <source>Pixels that are left out on every side when comparing with a reference. Empty: none.</source>
        <translation>Pixel, die beim Vergleich mit einer Referenz an jeder Seite weggelassen werden. Leer: keine.</translation>
    </message>
    <message>
        <source>Where multispectral pixels lie. area: at their true centres. dlpan: as in the DLPan toolbox.</source>
        <translation>Wo multispektrale Pixel liegen. area: in ihren wahren Mitten. dlpan: wie in der DLPan-Toolbox.</translation>
    </message>
    <message>
        <source>Degrade both images, run the model on them, and compare with the multispectral image.</source>
        <translation>Beide Bilder vergröbern, das Modell darauf anwenden und mit dem Multispektralbild vergleichen.</translation>
    </message>
    <message>
        <source>The model that Wald's protocol measures; it does nothing otherwise.</source>
        <translation>Das Modell, das mit dem Protokoll von Wald gemessen wird; sonst ohne Wirkung.</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <source>A page with every metric, its best value, and what it compares with.</source>
        <translation>Eine Seite mit jeder Maßzahl, ihrem besten Wert und dem, womit sie vergleicht.</translation>
    </message>
    <message>
        <source>The same for programs: a value is null where it is infinite.</source>
        <translation>Dasselbe für Programme: ein unendlicher Wert ist null.</translation>
    </message>
    <message>
        <source>quality,metrics,q4,q8,q2n,sam,ergas,hqnr,qnr,psnr,ssim,wald,pansharpen</source>
        <translation>Qualität,Maßzahlen,Q4,Q8,Q2n,SAM,ERGAS,HQNR,QNR,PSNR,SSIM,Wald,Pan-Sharpening</translation>
    </message>
    <message>
        <source>Ratio</source>
        <translation>Verhältnis</translation>
    </message>
    <message>
        <source>Bit depth</source>
        <translation>Bittiefe</translation>
    </message>
    <message>
        <source>Rim (px)</source>
        <translation>Rand (px)</translation>
    </message>
    <message>
        <source>Place of the pixels</source>
        <translation>Lage der Pixel</translation>
    </message>
    <message>
        <source>Fused raster</source>
        <translation>Fusioniertes Raster</translation>
    </message>
    <message>
        <source>The image to measure. Leave it empty with Wald's protocol.</source>
        <translation>Das Bild, das gemessen wird. Mit dem Protokoll von Wald leer lassen.</translation>
    </message>
    <message>
        <source>What the fused image should equal, where that is known.</source>
        <translation>Was das fusionierte Bild treffen soll, wo das bekannt ist.</translation>
    </message>
    <message>
        <source>The panchromatic image that the fused image was made of.</source>
        <translation>Das panchromatische Bild, aus dem das fusionierte entstand.</translation>
    </message>
    <message>
        <source>The multispectral image that the fused image was made of.</source>
        <translation>Das multispektrale Bild, aus dem das fusionierte entstand.</translation>
    </message>
    <message>
        <source>Wald's protocol: measure a model</source>
        <translation>Protokoll von Wald: ein Modell messen</translation>
    </message>
    <message>
        <source>Wald's protocol needs the panchromatic and the multispectral raster, and no other</source>
        <translation>das Protokoll von Wald braucht das panchromatische und das multispektrale Raster und kein anderes</translation>
    </message>
    <message>
        <source>there is no image to measure</source>
        <translation>es gibt kein Bild zu messen</translation>
    </message>
    <message>
        <source>give these two and leave the fused raster and the reference empty</source>
        <translation>diese beiden angeben und das fusionierte Raster und die Referenz leer lassen</translation>
    </message>
    <message>
        <source>choose one, or tick Wald's protocol to measure a model</source>
        <translation>eines wählen, oder das Protokoll von Wald ankreuzen, um ein Modell zu messen</translation>
    </message>
    <message>
        <source>there is nothing to compare the image with</source>
        <translation>es gibt nichts, womit das Bild zu vergleichen wäre</translation>
    </message>
    <message>
        <source>give a reference, or both the panchromatic and the multispectral raster</source>
        <translation>eine Referenz angeben, oder das panchromatische und das multispektrale Raster</translation>
    </message>
    <message>
        <source>Evaluate map of classes</source>
        <translation>Klassenkarte bewerten</translation>
    </message>
    <message>
        <source>Measures how good a map of classes is, such as one of Segment or Classify patches, against labels that were not trained on: IoU and F1 of each class, their means, the share of pixels that are right, and what was taken for what.

Classes are matched by name where the map has names, and by number otherwise. Pixels without data and ground without labels do not count.</source>
        <translation>Misst, wie gut eine Klassenkarte ist, etwa eine von Segmentieren oder Bildausschnitte klassifizieren, an Labels, mit denen nicht trainiert wurde: IoU und F1 jeder Klasse, ihre Mittel, der Anteil richtiger Pixel, und was womit verwechselt wurde.

Klassen werden über ihre Namen zugeordnet, wo die Karte Namen hat, sonst über ihre Nummern. Pixel ohne Daten und Flächen ohne Labels zählen nicht.</translation>
    </message>
    <message>
        <source>A raster whose first band numbers the classes.</source>
        <translation>Ein Raster, dessen erster Kanal die Klassen nummeriert.</translation>
    </message>
    <message>
        <source>A page with the quality of each class, and what was taken for what.</source>
        <translation>Eine Seite mit der Güte jeder Klasse und mit dem, was womit verwechselt wurde.</translation>
    </message>
    <message>
        <source>The same for programs: a value is null where it is not known.</source>
        <translation>Dasselbe für Programme: ein Wert ist null, wo er nicht bekannt ist.</translation>
    </message>
    <message>
        <source>Quality of the map</source>
        <translation>Güte der Karte</translation>
    </message>
    <message>
        <source>quality,metrics,iou,f1,accuracy,confusion,classes,segmentation,classification</source>
        <translation>Güte,Metriken,IoU,F1,Genauigkeit,Verwechslung,Klassen,Segmentierung,Klassifizierung,quality</translation>
    </message>
    <message>
        <source>Map of classes</source>
        <translation>Klassenkarte</translation>
    </message>
    <message>
        <source>Name of a class for all ground that no label covers: 'other', if you drew buildings alone. Empty: such ground is left out, and two classes at least must be labelled.</source>
        <translation>Name einer Klasse für alle Flächen ohne Label: 'Sonstiges', wenn nur Gebäude gezeichnet sind. Leer: solche Flächen bleiben außer Acht, und mindestens zwei Klassen brauchen Labels.</translation>
    </message>
    <message>
        <source>Class of the rest</source>
        <translation>Klasse des Rests</translation>
    </message>
    <message>
        <source>A layer of polygons or points, each of one class. Edits that are not saved yet, filters and 'Selected features only' count. It may lie in any CRS.</source>
        <translation>Ein Layer mit Polygonen oder Punkten, jedes von einer Klasse. Ungespeicherte Änderungen, Filter und 'Nur gewählte Objekte' gelten. Er darf in jedem KBS liegen.</translation>
    </message>
    <message>
        <source>The field that tells the class of each feature: a text or a whole number. Empty: all are of one class, which is called like the layer, and a class of the rest is needed.</source>
        <translation>Das Feld mit der Klasse jedes Objekts: ein Text oder eine ganze Zahl. Leer: alle sind von einer Klasse, die wie der Layer heißt, und eine Klasse des Rests ist nötig.</translation>
    </message>
    <message>
        <source>In place of a layer of labels: a raster whose first band numbers the classes, on any grid.</source>
        <translation>Anstelle eines Layers mit Labels: ein Raster, dessen erster Kanal die Klassen nummeriert, in beliebigem Gitter.</translation>
    </message>
    <message>
        <source>Label raster</source>
        <translation>Label-Raster</translation>
    </message>
    <message>
        <source>F1, mean of the classes</source>
        <translation>F1, Mittel der Klassen</translation>
    </message>
    <message>
        <source>Accuracy</source>
        <translation>Genauigkeit</translation>
    </message>
    <message>
        <source>QGIS cannot read a vector layer here</source>
        <translation>QGIS kann hier keinen Vektorlayer lesen</translation>
    </message>
    <message>
        <source>no class field is chosen</source>
        <translation>kein Klassenfeld ist gewählt</translation>
    </message>
    <message>
        <source>The labels have no CRS; they are taken to have that of the image</source>
        <translation>Die Labels haben kein KBS; es wird das des Bildes angenommen</translation>
    </message>
    <message>
        <source>there are two sources of labels</source>
        <translation>es gibt zwei Quellen von Labels</translation>
    </message>
    <message>
        <source>there are no labels</source>
        <translation>es gibt keine Labels</translation>
    </message>
    <message>
        <source>give a layer of polygons or points, or else a label raster</source>
        <translation>einen Layer mit Polygonen oder Punkten angeben, oder aber ein Label-Raster</translation>
    </message>
    <message>
        <source>choose a vector layer or file that exists</source>
        <translation>einen Vektorlayer oder eine Datei wählen, die es gibt</translation>
    </message>
    <message>
        <source>the layer has no features</source>
        <translation>der Layer hat keine Objekte</translation>
    </message>
    <message>
        <source>there is no field '{name}'</source>
        <translation>es gibt kein Feld '{name}'</translation>
    </message>
    <message>
        <source>choose one of {names}, or name a class of the rest</source>
        <translation>eines von {names} wählen, oder eine Klasse des Rests benennen</translation>
    </message>
    <message>
        <source>choose another layer</source>
        <translation>einen anderen Layer wählen</translation>
    </message>
    <message>
        <source>draw some, or look at its filter and at 'Selected features only'</source>
        <translation>welche zeichnen, oder seinen Filter und 'Nur gewählte Objekte' prüfen</translation>
    </message>
    <message>
        <source>the labels cannot be written ({reason})</source>
        <translation>die Labels können nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>Side of a tile in pixels of the finest input. More is faster and takes more memory.</source>
        <translation>Seite einer Kachel in Pixeln der feinsten Eingabe. Mehr ist schneller und braucht mehr Speicher.</translation>
    </message>
    <message>
        <source>Pixels shared by neighbouring tiles, at most half a tile.</source>
        <translation>Pixel, die benachbarte Kacheln teilen, höchstens eine halbe Kachel.</translation>
    </message>
    <message>
        <source>Steps of a diffusion model. More takes longer.</source>
        <translation>Schritte eines Diffusionsmodells. Mehr dauert länger.</translation>
    </message>
    <message>
        <source>From 1 to 2: how strongly the reference is followed. Above 1 it takes twice as long.</source>
        <translation>Von 1 bis 2: wie stark der Referenz gefolgt wird. Über 1 dauert es doppelt so lange.</translation>
    </message>
    <message>
        <source>Guidance weight</source>
        <translation>Gewicht der Führung</translation>
    </message>
    <message>
        <source>Start of a diffusion model's noise: one seed, one picture. Empty: 0.</source>
        <translation>Anfang des Rauschens eines Diffusionsmodells: ein Startwert, ein Bild. Leer: 0.</translation>
    </message>
    <message>
        <source>Where the model runs. auto: the graphics card if it can be used, else the processor.</source>
        <translation>Wo das Modell rechnet. auto: die Grafikkarte, wenn sie brauchbar ist, sonst der Prozessor.</translation>
    </message>
    <message>
        <source>Hold the output, seen with the input's pixels, to the input. mtf: through the sensor's optics. area: as means over a pixel. on: mtf where a sensor is known, else area. auto: what the model recommends.</source>
        <translation>Die Ausgabe, mit den Pixeln der Eingabe gesehen, an der Eingabe halten. mtf: durch die Optik des Sensors. area: als Mittel über ein Pixel. on: mtf, wo ein Sensor bekannt ist, sonst area. auto: was das Modell empfiehlt.</translation>
    </message>
    <message>
        <source>Name of the sensor, such as WV3, GF2 or Sentinel-2, or a description file. Empty: measured on the two images; for a single one, typical optics.</source>
        <translation>Name des Sensors, etwa WV3, GF2 oder Sentinel-2, oder eine Beschreibungsdatei. Leer: an den beiden Bildern gemessen; bei einem einzelnen typische Optik.</translation>
    </message>
    <message>
        <source>Measure the shift of the coarse image against the fine one, and correct it, up to eight coarse pixels.</source>
        <translation>Den Versatz des groben Bilds gegen das feine messen und ausgleichen, bis zu acht grobe Pixel.</translation>
    </message>
    <message>
        <source>Empty: the default of the model.</source>
        <translation>Leer: der Vorgabewert des Modells.</translation>
    </message>
    <message>
        <source>Tile (px)</source>
        <translation>Kachel (px)</translation>
    </message>
    <message>
        <source>Overlap (px)</source>
        <translation>Überlappung (px)</translation>
    </message>
    <message>
        <source>Denoising steps</source>
        <translation>Entrauschungsschritte</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Startwert</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Consistency with the input</source>
        <translation>Konsistenz mit der Eingabe</translation>
    </message>
    <message>
        <source>Sensor</source>
        <translation>Sensor</translation>
    </message>
    <message>
        <source>Correct the shift between the images</source>
        <translation>Versatz zwischen den Bildern ausgleichen</translation>
    </message>
    <message>
        <source>'{choice}' is not on offer</source>
        <translation>'{choice}' steht nicht zur Wahl</translation>
    </message>
    <message>
        <source>choose one of {names}</source>
        <translation>eines wählen von {names}</translation>
    </message>
    <message>
        <source>Pan-sharpen</source>
        <translation>Pan-Sharpening</translation>
    </message>
    <message>
        <source>Fuses a multispectral image with the panchromatic image of the same scene and writes the multispectral bands on the panchromatic pixels, as a Cloud Optimized GeoTIFF.

The scene is worked in overlapping tiles without seams, so it may have any size. Ratios need not be whole numbers. Pixels that are masked in an input are masked in the output.

The detail of a diffusion model is likely, not observed: compare with the input before you measure on it.</source>
        <translation>Fusioniert ein multispektrales Bild mit dem panchromatischen Bild derselben Szene und schreibt die multispektralen Kanäle auf den panchromatischen Pixeln, als Cloud Optimized GeoTIFF.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet, sie darf also jede Größe haben. Verhältnisse müssen keine ganzen Zahlen sein. In einer Eingabe maskierte Pixel sind in der Ausgabe maskiert.

Das Detail eines Diffusionsmodells ist wahrscheinlich, nicht beobachtet: mit der Eingabe vergleichen, bevor darauf gemessen wird.</translation>
    </message>
    <message>
        <source>Pan-sharpened</source>
        <translation>Pan-geschärft</translation>
    </message>
    <message>
        <source>salad-pan-tiny: latent diffusion, small. gsa: adaptive Gram-Schmidt. mtf-glp-hpm, mtf-glp-fs: Laplacian pyramid matched to the sensor. brovey: ratio of intensities. All but the first are classical and fast.</source>
        <translation>salad-pan-tiny: latente Diffusion, klein. gsa: adaptives Gram-Schmidt. mtf-glp-hpm, mtf-glp-fs: Laplace-Pyramide, auf den Sensor abgestimmt. brovey: Verhältnis der Intensitäten. Alle außer dem ersten sind klassisch und schnell.</translation>
    </message>
    <message>
        <source>pansharpen,fusion,panchromatic,multispectral,diffusion,brovey,gsa</source>
        <translation>Pan-Sharpening,Fusion,panchromatisch,multispektral,Diffusion,Brovey,GSA</translation>
    </message>
    <message>
        <source>The image whose bands are sharpened. Pixels without data need a nodata value or a mask.</source>
        <translation>Das Bild, dessen Kanäle geschärft werden. Pixel ohne Daten brauchen einen Nodata-Wert oder eine Maske.</translation>
    </message>
    <message>
        <source>One band of the same scene in finer pixels. The output has its grid and its CRS.</source>
        <translation>Ein Kanal derselben Szene in feineren Pixeln. Die Ausgabe hat sein Gitter und sein KBS.</translation>
    </message>
    <message>
        <source>The bands to work on, and their order in the output. Empty: all bands.</source>
        <translation>Die Kanäle, die bearbeitet werden, und ihre Reihenfolge in der Ausgabe. Leer: alle Kanäle.</translation>
    </message>
    <message>
        <source>The part to compute; the whole scene when empty. The tiles are those of the whole scene, so a part has the very pixels of the full run: try the canvas extent first.</source>
        <translation>Der Teil, der gerechnet wird; leer die ganze Szene. Die Kacheln sind die der ganzen Szene, ein Teil hat also genau die Pixel des ganzen Laufs: zuerst die Ausdehnung des Kartenfensters versuchen.</translation>
    </message>
    <message>
        <source>Keep the finished parts of a run that is cancelled or fails, in a folder beside the output; the next run with the same settings and the same output goes on from there. Needs an output file that is not temporary.</source>
        <translation>Die fertigen Teile eines abgebrochenen oder gescheiterten Laufs in einem Ordner neben der Ausgabe behalten; der nächste Lauf mit denselben Einstellungen und derselben Ausgabe fährt dort fort. Braucht eine Ausgabedatei, die nicht temporär ist.</translation>
    </message>
    <message>
        <source>A folder with a model of your own (model.json and .safetensors); it takes the place of the model.</source>
        <translation>Ein Ordner mit einem eigenen Modell (model.json und .safetensors); er tritt an die Stelle des Modells.</translation>
    </message>
    <message>
        <source>A Cloud Optimized GeoTIFF (.tif). It replaces an older file only once it is complete.</source>
        <translation>Ein Cloud Optimized GeoTIFF (.tif). Es ersetzt eine ältere Datei erst, wenn es vollständig ist.</translation>
    </message>
    <message>
        <source>Names of further outputs of the model, with commas, for a model that has more than there are fields here. Each becomes a raster beside the output, named after it.</source>
        <translation>Namen weiterer Ausgaben des Modells, mit Kommas, für ein Modell, das mehr hat, als es hier Felder gibt. Jede wird ein Raster neben der Ausgabe, nach ihr benannt.</translation>
    </message>
    <message>
        <source>A page with a before/after swipe, seam score, consistency, timings and how the output was made.</source>
        <translation>Eine Seite mit Vorher-Nachher-Schieber, Nahtwert, Konsistenz, Zeiten und der Entstehung der Ausgabe.</translation>
    </message>
    <message>
        <source>The standard deviation of every pixel, in the units of the output, where the model can tell it. Left out unless you ask for it.</source>
        <translation>Die Standardabweichung jedes Pixels, in den Einheiten der Ausgabe, wo das Modell sie nennen kann. Entfällt, wenn sie nicht verlangt wird.</translation>
    </message>
    <message>
        <source>Keep for resume</source>
        <translation>Zum Fortsetzen behalten</translation>
    </message>
    <message>
        <source>Model folder</source>
        <translation>Modellordner</translation>
    </message>
    <message>
        <source>Other outputs</source>
        <translation>Andere Ausgaben</translation>
    </message>
    <message>
        <source>the engine reports success but wrote no file</source>
        <translation>die Engine meldet Erfolg, schrieb aber keine Datei</translation>
    </message>
    <message>
        <source>Reading the inputs, and looking what the run will need</source>
        <translation>Die Eingaben werden gelesen, und was der Lauf brauchen wird, wird geschätzt</translation>
    </message>
    <message>
        <source>no model is chosen</source>
        <translation>es ist kein Modell gewählt</translation>
    </message>
    <message>
        <source>the log above says more</source>
        <translation>das Protokoll oben sagt mehr</translation>
    </message>
    <message>
        <source>draw it on the layer, or leave it empty for the whole scene</source>
        <translation>auf dem Layer aufziehen, oder für die ganze Szene leer lassen</translation>
    </message>
    <message>
        <source>give names such as probabilities, with commas between them</source>
        <translation>Namen wie probabilities angeben, mit Kommas dazwischen</translation>
    </message>
    <message>
        <source>leave it out, or choose another model</source>
        <translation>weglassen, oder ein anderes Modell wählen</translation>
    </message>
    <message>
        <source>the extent does not meet the layer '{name}'</source>
        <translation>die Ausdehnung trifft den Layer '{name}' nicht</translation>
    </message>
    <message>
        <source>There is no report: {reason}</source>
        <translation>Es gibt keinen Bericht: {reason}</translation>
    </message>
    <message>
        <source>'{name}' is not the name of an output</source>
        <translation>'{name}' ist nicht der Name einer Ausgabe</translation>
    </message>
    <message>
        <source>choose one, or give its folder under '{name}'</source>
        <translation>eines wählen, oder seinen Ordner unter '{name}' angeben</translation>
    </message>
    <message>
        <source>the model {model} takes no such raster</source>
        <translation>das Modell {model} nimmt kein solches Raster</translation>
    </message>
    <message>
        <source>the model {model} cannot tell how uncertain its pixels are</source>
        <translation>das Modell {model} kann nicht sagen, wie unsicher seine Pixel sind</translation>
    </message>
    <message>
        <source>the model {model} has no further output '{name}'</source>
        <translation>das Modell {model} hat keine weitere Ausgabe '{name}'</translation>
    </message>
    <message>
        <source>Super-resolve with reference</source>
        <translation>Super-Resolution mit Referenz</translation>
    </message>
    <message>
        <source>Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF, with the help of an older, finer image of the same ground.

The model weighs the reference pixel by pixel: it takes detail from it where the ground is as it was, and goes by the input where the ground has changed. The output 'Trust in the reference' shows which is which.

The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in the input are masked in the output; where the reference shows nothing, the model goes without it.

A change that the input is too coarse to show can be missed, and old detail then stays in the output: compare with the input before you measure on it.</source>
        <translation>Schreibt ein Bild in feineren Pixeln über dieselbe Ausdehnung, als Cloud Optimized GeoTIFF, mit Hilfe eines älteren, feineren Bildes desselben Gebiets.

Das Modell wägt die Referenz Pixel für Pixel ab: es nimmt Detail aus ihr, wo der Boden ist, wie er war, und richtet sich nach der Eingabe, wo er sich verändert hat. Die Ausgabe 'Vertrauen in die Referenz' zeigt, wo was gilt.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet, sie darf also jede Größe haben. In der Eingabe maskierte Pixel sind in der Ausgabe maskiert; wo die Referenz nichts zeigt, kommt das Modell ohne sie aus.

Eine Veränderung, für die die Eingabe zu grob ist, kann übersehen werden, und altes Detail bleibt dann in der Ausgabe: mit der Eingabe vergleichen, bevor darauf gemessen wird.</translation>
    </message>
    <message>
        <source>ds-dit-tiny-x4: four times as fine, with uncertainty and trust. Only models that take a reference.</source>
        <translation>ds-dit-tiny-x4: viermal so fein, mit Unsicherheit und Vertrauen. Nur Modelle, die eine Referenz nehmen.</translation>
    </message>
    <message>
        <source>super-resolution,reference,older image,time series,change,trust,resolution,diffusion</source>
        <translation>Super-Resolution,Referenz,älteres Bild,Zeitreihe,Veränderung,Vertrauen,Auflösung,Diffusion</translation>
    </message>
    <message>
        <source>An older, finer image of the same ground. It may lie in any CRS, have holes, and cover only a part.</source>
        <translation>Ein älteres, feineres Bild desselben Gebiets. Es darf in jedem KBS liegen, Lücken haben und nur einen Teil abdecken.</translation>
    </message>
    <message>
        <source>Trust in the reference</source>
        <translation>Vertrauen in die Referenz</translation>
    </message>
    <message>
        <source>How far the reference was trusted in every pixel and band, from 0 to 1: low where the ground has changed, 0 where the reference shows nothing. Left out unless you ask for it.</source>
        <translation>Wie weit der Referenz in jedem Pixel und Kanal vertraut wurde, von 0 bis 1: wenig, wo sich der Boden verändert hat, 0, wo die Referenz nichts zeigt. Entfällt, wenn es nicht verlangt wird.</translation>
    </message>
    <message>
        <source>Super-resolve</source>
        <translation>Super-Resolution</translation>
    </message>
    <message>
        <source>Writes an image in finer pixels over the same extent, as a Cloud Optimized GeoTIFF.

The scene is worked in overlapping tiles without seams, so it may have any size. Pixels that are masked in the input are masked in the output.

The detail of a diffusion model is likely, not observed: compare with the input before you measure on it. Where there is an older, finer image of the same ground, use 'Super-resolve with reference'.</source>
        <translation>Schreibt ein Bild in feineren Pixeln über dieselbe Ausdehnung, als Cloud Optimized GeoTIFF.

Die Szene wird in überlappenden Kacheln ohne Nähte bearbeitet, sie darf also jede Größe haben. In der Eingabe maskierte Pixel sind in der Ausgabe maskiert.

Das Detail eines Diffusionsmodells ist wahrscheinlich, nicht beobachtet: mit der Eingabe vergleichen, bevor darauf gemessen wird. Wo es ein älteres, feineres Bild desselben Gebiets gibt, hilft 'Super-Resolution mit Referenz'.</translation>
    </message>
    <message>
        <source>Super-resolved</source>
        <translation>Hochaufgelöst</translation>
    </message>
    <message>
        <source>slimdiffsr-tiny-x4: one diffusion step, four times as fine, with uncertainty; slimdiffsr-tiny-x2 and -x8: the same for two and eight times. sentinel2-tiny: the 20 m bands of Sentinel-2 on its 10 m grid. bicubic: interpolation, any scale. identity: copies the pixels at scale 1, for tests.</source>
        <translation>slimdiffsr-tiny-x4: ein Diffusionsschritt, viermal so fein, mit Unsicherheit; slimdiffsr-tiny-x2 und -x8: dasselbe für zwei- und achtmal. sentinel2-tiny: die 20-m-Bänder von Sentinel-2 auf dessen 10-m-Gitter. bicubic: Interpolation, jeder Faktor. identity: kopiert die Pixel mit Faktor 1, zum Testen.</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>Faktor</translation>
    </message>
    <message>
        <source>Output pixels along one side of an input pixel: 4 turns 10 m into 2.5 m. Empty: the scale of the model, 4 for bicubic.</source>
        <translation>Ausgabepixel entlang einer Seite eines Eingabepixels: 4 macht aus 10 m 2,5 m. Leer: der Faktor des Modells, 4 bei bicubic.</translation>
    </message>
    <message>
        <source>super-resolution,upscale,enhance,resolution,diffusion,bicubic</source>
        <translation>Super-Resolution,vergrößern,verbessern,Auflösung,Diffusion,bikubisch</translation>
    </message>
    <message>
        <source>The image to refine. Pixels without data need a nodata value or a mask.</source>
        <translation>Das Bild, das verfeinert wird. Pixel ohne Daten brauchen einen Nodata-Wert oder eine Maske.</translation>
    </message>
    <message>
        <source>A finer image of the same ground, such as one of another date, for models that take one. It may lie in any CRS and cover only a part. Empty: none.</source>
        <translation>Ein feineres Bild desselben Gebiets, etwa eines anderen Datums, für Modelle, die eines nehmen. Es darf in jedem KBS liegen und nur einen Teil abdecken. Leer: keines.</translation>
    </message>
    <message>
        <source>Train on my labels</source>
        <translation>Mit eigenen Labels trainieren</translation>
    </message>
    <message>
        <source>Makes a model for classes of your own. Draw some polygons or points of each class on an image, with a field that tells the class; a few tens are enough to begin with. The generative model that comes with Seamline looks at the image, and a small network learns to tell your classes from what it sees.

Choose the folder as 'Model folder' in Segment or in Classify patches, for this image or for others of the same sensor and season.

A part of the labelled ground is held out and never trained on: the quality that is shown was measured there. It is rough where there are few labels.</source>
        <translation>Macht ein Modell für eigene Klassen. Zeichnen Sie auf einem Bild einige Polygone oder Punkte jeder Klasse, mit einem Feld, das die Klasse nennt; ein paar Dutzend reichen für den Anfang. Das generative Modell, das Seamline mitbringt, sieht sich das Bild an, und ein kleines Netz lernt, Ihre Klassen an dem zu unterscheiden, was es sieht.

Den Ordner als 'Modellordner' in Segmentieren oder in Bildausschnitte klassifizieren wählen, für dieses Bild oder für andere desselben Sensors und derselben Jahreszeit.

Ein Teil der Flächen mit Labels wird zurückgehalten und nie zum Training benutzt: dort ist die angezeigte Güte gemessen. Bei wenigen Labels ist sie ungenau.</translation>
    </message>
    <message>
        <source>segment: the class of every pixel. classify: the class of every patch of the image.</source>
        <translation>segment: die Klasse jedes Pixels. classify: die Klasse jedes Ausschnitts des Bildes.</translation>
    </message>
    <message>
        <source>Most minutes of training; it ends earlier where nothing is gained any more. Empty: 10.</source>
        <translation>Höchstdauer des Trainings in Minuten; es endet früher, wenn nichts mehr gewonnen wird. Leer: 10.</translation>
    </message>
    <message>
        <source>Side of a patch in pixels of the image, for classify alone. Empty: 64, or what the backbone needs.</source>
        <translation>Seitenlänge eines Ausschnitts in Pixeln des Bildes, nur für classify. Leer: 64, oder was das Basismodell braucht.</translation>
    </message>
    <message>
        <source>How what the generative model sees is put together. global: one weight for each of its layers. local: weights of each place. experts: networks of which each place chooses two. auto: global.</source>
        <translation>Wie zusammengefügt wird, was das generative Modell sieht. global: ein Gewicht je Schicht. local: Gewichte je Ort. experts: Netze, von denen jeder Ort zwei wählt. auto: global.</translation>
    </message>
    <message>
        <source>Name or folder of the generative model that looks at the image. Empty: the one that ships.</source>
        <translation>Name oder Ordner des generativen Modells, das sich das Bild ansieht. Leer: das mitgelieferte.</translation>
    </message>
    <message>
        <source>Numbers of the bands that are looked at, with commas. Empty: all.</source>
        <translation>Nummern der Kanäle, die angesehen werden, mit Kommas. Leer: alle.</translation>
    </message>
    <message>
        <source>Share of the labelled ground that is held out to measure quality. Empty: 0.2. At 0 nothing is measured.</source>
        <translation>Anteil der Flächen mit Labels, der zurückgehalten wird, um die Güte zu messen. Leer: 0.2. Bei 0 wird nichts gemessen.</translation>
    </message>
    <message>
        <source>Number of a class that means that nothing is known, such as 0 in a raster without a nodata value.</source>
        <translation>Nummer einer Klasse, die bedeutet, dass nichts bekannt ist, etwa 0 in einem Raster ohne Nodata-Wert.</translation>
    </message>
    <message>
        <source>Start of what chance decides: the ground that is held out and the first weights. Empty: 0.</source>
        <translation>Start dessen, was der Zufall bestimmt: die zurückgehaltenen Flächen und die ersten Gewichte. Leer: 0.</translation>
    </message>
    <message>
        <source>To use the model, choose {folder} as 'Model folder' in '{algorithm}'</source>
        <translation>Um das Modell zu benutzen, {folder} als 'Modellordner' in '{algorithm}' wählen</translation>
    </message>
    <message>
        <source>The image that the labels were drawn on, or several with the same bands.</source>
        <translation>Das Bild, auf dem die Labels gezeichnet sind, oder mehrere mit denselben Kanälen.</translation>
    </message>
    <message>
        <source>A page with the quality of each class on ground that was held out, and what was taken for what.</source>
        <translation>Eine Seite mit der Güte jeder Klasse auf zurückgehaltenen Flächen und mit dem, was womit verwechselt wurde.</translation>
    </message>
    <message>
        <source>Quality of the model</source>
        <translation>Güte des Modells</translation>
    </message>
    <message>
        <source>train,labels,polygons,classes,segmentation,classification,model,land cover,diffusion</source>
        <translation>trainieren,Labels,Polygone,Klassen,Segmentierung,Klassifizierung,Modell,Landbedeckung,Diffusion,train</translation>
    </message>
    <message>
        <source>Task</source>
        <translation>Aufgabe</translation>
    </message>
    <message>
        <source>Minutes</source>
        <translation>Minuten</translation>
    </message>
    <message>
        <source>Patch (px)</source>
        <translation>Ausschnitt (px)</translation>
    </message>
    <message>
        <source>Fuser</source>
        <translation>Fusion der Merkmale</translation>
    </message>
    <message>
        <source>Backbone</source>
        <translation>Basismodell</translation>
    </message>
    <message>
        <source>Held out</source>
        <translation>Zurückgehaltener Anteil</translation>
    </message>
    <message>
        <source>Value to ignore</source>
        <translation>Zu übergehender Wert</translation>
    </message>
    <message>
        <source>QGIS cannot read a raster here</source>
        <translation>QGIS kann hier kein Raster lesen</translation>
    </message>
    <message>
        <source>choose a raster layer or file that exists</source>
        <translation>einen Rasterlayer oder eine Datei wählen, die es gibt</translation>
    </message>
    <message>
        <source>What was taken for what: {path}</source>
        <translation>Was womit verwechselt wurde: {path}</translation>
    </message>
    <message>
        <source>Seamline's engine</source>
        <translation>Die Engine von Seamline</translation>
    </message>
    <message>
        <source>well</source>
        <translation>gut</translation>
    </message>
    <message>
        <source>BAD</source>
        <translation>SCHLECHT</translation>
    </message>
    <message>
        <source>{count} of {total} need attention</source>
        <translation>{count} von {total} verlangen Aufmerksamkeit</translation>
    </message>
    <message>
        <source>All is well: {total} findings</source>
        <translation>Alles ist gut: {total} Befunde</translation>
    </message>
    <message>
        <source>looked at</source>
        <translation>untersucht</translation>
    </message>
    <message>
        <source>seen</source>
        <translation>gesehen</translation>
    </message>
    <message>
        <source>what to do</source>
        <translation>was zu tun ist</translation>
    </message>
    <message>
        <source>something is in this folder already</source>
        <translation>in diesem Ordner liegt schon etwas</translation>
    </message>
    <message>
        <source>Finished parts are kept in {folder}; run it again with the same settings to go on</source>
        <translation>Fertige Teile liegen in {folder}; mit denselben Einstellungen noch einmal starten, um fortzufahren</translation>
    </message>
    <message>
        <source>repeat the settings of that run, or untick 'Keep for resume' to start anew</source>
        <translation>die Einstellungen jenes Laufs wiederholen, oder 'Zum Fortsetzen behalten' abwählen, um neu zu beginnen</translation>
    </message>
    <message>
        <source>choose a new or an empty folder</source>
        <translation>einen neuen oder leeren Ordner wählen</translation>
    </message>
    <message>
        <source>the output's folder does not exist or cannot be written</source>
        <translation>der Ordner der Ausgabe existiert nicht oder ist nicht beschreibbar</translation>
    </message>
    <message>
        <source>choose another folder</source>
        <translation>einen anderen Ordner wählen</translation>
    </message>
    <message>
        <source>the file cannot be written ({reason})</source>
        <translation>die Datei kann nicht geschrieben werden ({reason})</translation>
    </message>
    <message>
        <source>it lies beside the output; choose another place next time</source>
        <translation>sie liegt neben der Ausgabe; beim nächsten Mal einen anderen Ort wählen</translation>
    </message>
    <message>
        <source>the output {name} cannot be put in its place ({reason})</source>
        <translation>die Ausgabe {name} kann nicht an ihren Ort gelegt werden ({reason})</translation>
    </message>
    <message>
        <source>the layer '{name}' comes from '{provider}', not from a raster file</source>
        <translation>der Layer '{name}' kommt von '{provider}', nicht aus einer Rasterdatei</translation>
    </message>
    <message>
        <source>the layer '{name}' is opened with options or a login that the engine does not get</source>
        <translation>der Layer '{name}' ist mit Optionen oder einer Anmeldung geöffnet, die die Engine nicht bekommt</translation>
    </message>
    <message>
        <source>the layer '{name}' is one raster in a file that can hold many, of a format that the engine lacks</source>
        <translation>der Layer '{name}' ist ein Raster in einer Datei, die viele fassen kann, in einem Format, das die Engine nicht kennt</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
    <message>
        <source>an unnamed system</source>
        <translation>einem unbenannten System</translation>
    </message>
    <message>
        <source>write the CRS of the layer into the file (Raster &gt; Projections &gt; Assign Projection), or set the layer to that of its file</source>
        <translation>das KBS des Layers in die Datei schreiben (Raster &gt; Projektionen &gt; Projektion zuweisen), oder dem Layer das seiner Datei geben</translation>
    </message>
    <message>
        <source>save it as GeoTIFF (Export &gt; Save As) and choose that file</source>
        <translation>als GeoTIFF speichern (Exportieren &gt; Speichern als) und diese Datei wählen</translation>
    </message>
    <message>
        <source>the layer '{name}' lives in the memory of QGIS alone</source>
        <translation>der Layer '{name}' lebt nur im Speicher von QGIS</translation>
    </message>
    <message>
        <source>the layer '{name}' is a virtual raster, which stands for other files</source>
        <translation>der Layer '{name}' ist ein virtuelles Raster, das für andere Dateien steht</translation>
    </message>
    <message>
        <source>the layer '{name}' lies in an archive</source>
        <translation>der Layer '{name}' liegt in einem Archiv</translation>
    </message>
    <message>
        <source>the layer '{name}' lies on a server</source>
        <translation>der Layer '{name}' liegt auf einem Server</translation>
    </message>
    <message>
        <source>the layer '{name}' has the CRS {shown} in QGIS, and {own} in its file</source>
        <translation>der Layer '{name}' hat in QGIS das KBS {shown}, und {own} in seiner Datei</translation>
    </message>
    <message>
        <source>choose a layer with that many bands, or another model</source>
        <translation>einen Layer mit so vielen Kanälen wählen, oder ein anderes Modell</translation>
    </message>
    <message>
        <source>coordinate reference systems</source>
        <translation>Koordinatenbezugssysteme</translation>
    </message>
    <message>
        <source>reproject one of them (Raster &gt; Projections &gt; Warp), the coarser one if you can</source>
        <translation>eines davon umprojizieren (Raster &gt; Projektionen &gt; Transformieren), möglichst das gröbere</translation>
    </message>
    <message>
        <source>'{name}' has {count} bands and {model} takes {wanted}</source>
        <translation>'{name}' hat {count} Kanäle, und {model} nimmt {wanted}</translation>
    </message>
    <message>
        <source>'{first}' is in {first_crs} and '{other}' is in {other_crs}</source>
        <translation>'{first}' liegt in {first_crs} und '{other}' in {other_crs}</translation>
    </message>
    <message>
        <source>Metric</source>
        <translation>Maßzahl</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Wert</translation>
    </message>
    <message>
        <source>What was taken for what</source>
        <translation>Was womit verwechselt wurde</translation>
    </message>
    <message>
        <source>Quality of the fused image</source>
        <translation>Qualität des fusionierten Bilds</translation>
    </message>
    <message>
        <source>Classes</source>
        <translation>Klassen</translation>
    </message>
    <message>
        <source>Unit</source>
        <translation>Einheit</translation>
    </message>
    <message>
        <source>Best</source>
        <translation>Bester Wert</translation>
    </message>
    <message>
        <source>Compared with</source>
        <translation>Verglichen mit</translation>
    </message>
    <message>
        <source>Class</source>
        <translation>Klasse</translation>
    </message>
    <message>
        <source>choose another file name</source>
        <translation>einen anderen Dateinamen wählen</translation>
    </message>
    <message>
        <source>the name of the output is too long</source>
        <translation>der Name der Ausgabe ist zu lang</translation>
    </message>
    <message>
        <source>the output is a folder</source>
        <translation>die Ausgabe ist ein Ordner</translation>
    </message>
    <message>
        <source>the file is open in QGIS or in another program</source>
        <translation>die Datei ist in QGIS oder in einem anderen Programm offen</translation>
    </message>
    <message>
        <source>the output is also an input</source>
        <translation>die Ausgabe ist auch eine Eingabe</translation>
    </message>
    <message>
        <source>the output belongs to an input</source>
        <translation>die Ausgabe gehört zu einer Eingabe</translation>
    </message>
    <message>
        <source>two outputs are one file</source>
        <translation>zwei Ausgaben sind eine Datei</translation>
    </message>
    <message>
        <source>the output belongs to another output</source>
        <translation>die Ausgabe gehört zu einer anderen Ausgabe</translation>
    </message>
    <message>
        <source>give the name of a file</source>
        <translation>den Namen einer Datei angeben</translation>
    </message>
    <message>
        <source>remove its layer from the project, or choose another file name</source>
        <translation>ihren Layer aus dem Projekt entfernen, oder einen anderen Dateinamen wählen</translation>
    </message>
    <message>
        <source>the output is not a {suffix} file</source>
        <translation>die Ausgabe ist keine {suffix}-Datei</translation>
    </message>
    <message>
        <source>give it a shorter name, of {count} letters at most</source>
        <translation>ihr einen kürzeren Namen geben, von höchstens {count} Zeichen</translation>
    </message>
    <message>
        <source>give it a name that ends in {suffix}</source>
        <translation>einen Namen angeben, der auf {suffix} endet</translation>
    </message>
    <message>
        <source>Set up the engine...</source>
        <translation>Engine einrichten...</translation>
    </message>
    <message>
        <source>Set up</source>
        <translation>Einrichten</translation>
    </message>
    <message>
        <source>Seamline (seam-free diffusion models on scenes of any size)</source>
        <translation>Seamline (nahtlose Diffusionsmodelle auf Szenen jeder Größe)</translation>
    </message>
    <message>
        <source>python of the environment that holds the engine</source>
        <translation>Python der Umgebung, in der die Engine liegt</translation>
    </message>
    <message>
        <source>Plan: {width} x {height} px, {bands} bands, {tiles} tiles of {tile} px, model {model}, on {device}</source>
        <translation>Plan: {width} x {height} px, {bands} Kanäle, {tiles} Kacheln zu {tile} px, Modell {model}, auf {device}</translation>
    </message>
    <message>
        <source>Seam score: {score}; lines elsewhere in the image have {low} to {high}</source>
        <translation>Nahtwert: {score}; Linien anderswo im Bild haben {low} bis {high}</translation>
    </message>
    <message>
        <source>Consistency: seen as the input sees, the output is within {share} % of it, band by band {shares}</source>
        <translation>Konsistenz: gesehen wie die Eingabe liegt die Ausgabe innerhalb von {share} % von ihr, Kanal für Kanal {shares}</translation>
    </message>
    <message>
        <source>Looking at the labelled places</source>
        <translation>Die Orte mit Labels werden angesehen</translation>
    </message>
    <message>
        <source>Looking at them turned and mirrored</source>
        <translation>Sie werden gedreht und gespiegelt angesehen</translation>
    </message>
    <message>
        <source>Learning the classes</source>
        <translation>Die Klassen werden gelernt</translation>
    </message>
    <message>
        <source>Step {done} of {total}</source>
        <translation>Schritt {done} von {total}</translation>
    </message>
    <message>
        <source>Strip {done} of {total}</source>
        <translation>Streifen {done} von {total}</translation>
    </message>
    <message>
        <source>{size} of memory</source>
        <translation>{size} Speicher</translation>
    </message>
    <message>
        <source>an output of up to {size}</source>
        <translation>eine Ausgabe von bis zu {size}</translation>
    </message>
    <message>
        <source>{size} of disk while it runs</source>
        <translation>{size} Platz auf der Platte während des Laufs</translation>
    </message>
    <message>
        <source>{hours} h {minutes} min</source>
        <translation>{hours} h {minutes} min</translation>
    </message>
    <message>
        <source>{seconds} s</source>
        <translation>{seconds} s</translation>
    </message>
    <message>
        <source>{minutes} min</source>
        <translation>{minutes} min</translation>
    </message>
    <message>
        <source>Tile {done} of {total}</source>
        <translation>Kachel {done} von {total}</translation>
    </message>
    <message>
        <source>, about {time} left</source>
        <translation>, noch etwa {time}</translation>
    </message>
    <message>
        <source>Estimate: {parts}</source>
        <translation>Schätzung: {parts}</translation>
    </message>
    <message>
        <source>Report: {path}</source>
        <translation>Bericht: {path}</translation>
    </message>
    <message>
        <source>Software: {name}</source>
        <translation>Software: {name}</translation>
    </message>
    <message>
        <source>Model: {name}, version {version}</source>
        <translation>Modell: {name}, Version {version}</translation>
    </message>
    <message>
        <source>Seed: {seed}</source>
        <translation>Startwert: {seed}</translation>
    </message>
    <message>
        <source>Identity of the run: {identity}</source>
        <translation>Kennung des Laufs: {identity}</translation>
    </message>
    <message>
        <source>model: {licence}</source>
        <translation>Modell: {licence}</translation>
    </message>
    <message>
        <source>Input {name}: {path}</source>
        <translation>Eingabe {name}: {path}</translation>
    </message>
    <message>
        <source>The layer is loaded, but could not be styled: {reason}</source>
        <translation>Der Layer ist geladen, konnte aber nicht gestaltet werden: {reason}</translation>
    </message>
    <message>
        <source>Seamline's engine is not set up; set it up in Settings &gt; Options &gt; Seamline, or name its Python in the environment variable SEAMLINE_PYTHON</source>
        <translation>Die Engine von Seamline ist nicht eingerichtet; unter Einstellungen &gt; Optionen &gt; Seamline einrichten, oder ihr Python in der Umgebungsvariable SEAMLINE_PYTHON nennen</translation>
    </message>
    <message>
        <source>The engine is not set up yet</source>
        <translation>Die Engine ist noch nicht eingerichtet</translation>
    </message>
    <message>
        <source>Seamline's engine is not there; {python}; set the Python of the engine in Settings &gt; Options &gt; Processing &gt; Providers &gt; Seamline or in the environment variable SEAMLINE_PYTHON, or set it up anew in Settings &gt; Options &gt; Seamline</source>
        <translation>Die Engine von Seamline ist nicht da; {python}; das Python der Engine unter Einstellungen &gt; Optionen &gt; Verarbeitung &gt; Datenanbieter &gt; Seamline oder in der Umgebungsvariable SEAMLINE_PYTHON setzen, oder sie unter Einstellungen &gt; Optionen &gt; Seamline neu einrichten</translation>
    </message>
    <message>
        <source>The engine is not there: {python}</source>
        <translation>Die Engine ist nicht da: {python}</translation>
    </message>
    <message>
        <source>it stopped with exit code {code}</source>
        <translation>es endete mit dem Code {code}</translation>
    </message>
    <message>
        <source>the log says more; try again</source>
        <translation>das Protokoll sagt mehr; noch einmal versuchen</translation>
    </message>
    <message>
        <source>the disk is full</source>
        <translation>die Platte ist voll</translation>
    </message>
    <message>
        <source>free some space, or choose a folder on another disk; what is done is kept</source>
        <translation>Platz schaffen, oder einen Ordner auf einer anderen Platte wählen; was fertig ist, bleibt</translation>
    </message>
    <message>
        <source>the proxy refused the connection</source>
        <translation>der Proxy hat die Verbindung abgelehnt</translation>
    </message>
    <message>
        <source>give its name and password in Settings &gt; Options &gt; Network, or use an offline folder</source>
        <translation>seinen Namen und sein Passwort unter Einstellungen &gt; Optionen &gt; Netzwerk angeben, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>the connection is not trusted, as happens where a firewall looks into it</source>
        <translation>der Verbindung wird nicht vertraut, wie es geschieht, wo eine Firewall hineinsieht</translation>
    </message>
    <message>
        <source>ask your administrator for its certificate and set PIP_CERT to that file in Settings &gt; Options &gt; System &gt; Environment, or use an offline folder</source>
        <translation>die Administration nach ihrem Zertifikat fragen und PIP_CERT unter Einstellungen &gt; Optionen &gt; System &gt; Umgebung auf diese Datei setzen, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>pip cannot use a SOCKS proxy</source>
        <translation>pip kann keinen SOCKS-Proxy verwenden</translation>
    </message>
    <message>
        <source>give an HTTP proxy in Settings &gt; Options &gt; Network, or use an offline folder</source>
        <translation>einen HTTP-Proxy unter Einstellungen &gt; Optionen &gt; Netzwerk angeben, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>the network cannot be reached, or broke off</source>
        <translation>das Netz ist nicht erreichbar oder brach ab</translation>
    </message>
    <message>
        <source>try again: what is done is kept; without a network use an offline folder</source>
        <translation>noch einmal versuchen: was fertig ist, bleibt; ohne Netz einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>there is no {subject} for this Python and computer</source>
        <translation>für dieses Python und diesen Rechner gibt es kein {subject}</translation>
    </message>
    <message>
        <source>add its wheel to the offline folder, or choose another Python or PyTorch build</source>
        <translation>sein Wheel in den Offline-Ordner legen, oder ein anderes Python oder einen anderen PyTorch-Build wählen</translation>
    </message>
    <message>
        <source>a file could not be written, or another program held it</source>
        <translation>eine Datei konnte nicht geschrieben werden, oder ein anderes Programm hielt sie fest</translation>
    </message>
    <message>
        <source>close other programs, let the antivirus pass the folder, or choose another one, then try again</source>
        <translation>andere Programme schließen, den Ordner im Virenschutz freigeben oder einen anderen wählen, dann noch einmal versuchen</translation>
    </message>
    <message>
        <source>this Python cannot make environments</source>
        <translation>dieses Python kann keine Umgebungen anlegen</translation>
    </message>
    <message>
        <source>choose another Python; on Debian and Ubuntu install its package python3-venv</source>
        <translation>ein anderes Python wählen; unter Debian und Ubuntu das Paket python3-venv installieren</translation>
    </message>
    <message>
        <source>Set-up is complete</source>
        <translation>Die Einrichtung ist fertig</translation>
    </message>
    <message>
        <source>Cancelled; the next set-up goes on from here</source>
        <translation>Abgebrochen; die nächste Einrichtung fährt hier fort</translation>
    </message>
    <message>
        <source>choose a folder on another disk, or free some space</source>
        <translation>einen Ordner auf einer anderen Platte wählen, oder Platz schaffen</translation>
    </message>
    <message>
        <source>choose another folder, or free some space</source>
        <translation>einen anderen Ordner wählen, oder Platz schaffen</translation>
    </message>
    <message>
        <source>Python</source>
        <translation>Python</translation>
    </message>
    <message>
        <source>choose another Python</source>
        <translation>ein anderes Python wählen</translation>
    </message>
    <message>
        <source>set-up needs {needed:.0f} GB of disk, and {free:.1f} GB are free</source>
        <translation>die Einrichtung braucht {needed:.0f} GB auf der Platte, und {free:.1f} GB sind frei</translation>
    </message>
    <message>
        <source>the folder cannot be written ({reason})</source>
        <translation>der Ordner ist nicht beschreibbar ({reason})</translation>
    </message>
    <message>
        <source>{title}: done before</source>
        <translation>{title}: schon erledigt</translation>
    </message>
    <message>
        <source>{program} cannot be started ({reason})</source>
        <translation>{program} kann nicht gestartet werden ({reason})</translation>
    </message>
    <message>
        <source>another set-up is at work in this folder</source>
        <translation>in diesem Ordner arbeitet eine andere Einrichtung</translation>
    </message>
    <message>
        <source>wait until it has ended, then try again</source>
        <translation>warten, bis sie fertig ist, dann noch einmal versuchen</translation>
    </message>
    <message>
        <source>empty: use the network</source>
        <translation>leer: das Netz verwenden</translation>
    </message>
    <message>
        <source>A folder with wheels, and with models or the engine's wheel, made on another computer</source>
        <translation>Ein Ordner mit Wheels und mit Modellen oder dem Wheel der Engine, auf einem anderen Rechner angelegt</translation>
    </message>
    <message>
        <source>Other...</source>
        <translation>Anderes...</translation>
    </message>
    <message>
        <source>Folder of the engine</source>
        <translation>Ordner der Engine</translation>
    </message>
    <message>
        <source>PyTorch for</source>
        <translation>PyTorch für</translation>
    </message>
    <message>
        <source>Offline folder</source>
        <translation>Offline-Ordner</translation>
    </message>
    <message>
        <source>Python 3.11, 3.12 or 3.13</source>
        <translation>Python 3.11, 3.12 oder 3.13</translation>
    </message>
    <message>
        <source>The engine is being examined...</source>
        <translation>Die Engine wird untersucht...</translation>
    </message>
    <message>
        <source>Looking for Pythons and graphics cards...</source>
        <translation>Pythons und Grafikkarten werden gesucht...</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>No usable Python was found. Install Python 3.12 (64 bit) from python.org, or on Debian and Ubuntu the package python3-venv, then open this page again.</source>
        <translation>Es wurde kein brauchbares Python gefunden. Python 3.12 (64 Bit) von python.org installieren, unter Debian und Ubuntu das Paket python3-venv, dann diese Seite noch einmal öffnen.</translation>
    </message>
    <message>
        <source>Set-up is complete. The engine is being examined...</source>
        <translation>Die Einrichtung ist fertig. Die Engine wird untersucht...</translation>
    </message>
    <message>
        <source>Cancelling...</source>
        <translation>Wird abgebrochen...</translation>
    </message>
    <message>
        <source>Examine the engine</source>
        <translation>Engine untersuchen</translation>
    </message>
    <message>
        <source>Copy the log</source>
        <translation>Protokoll kopieren</translation>
    </message>
    <message>
        <source>Cancelled. Set up goes on where it stopped.</source>
        <translation>Abgebrochen. Einrichten fährt fort, wo es aufhörte.</translation>
    </message>
    <message>
        <source>All is well: the engine works.</source>
        <translation>Alles ist gut: die Engine arbeitet.</translation>
    </message>
    <message>
        <source>The engine's Python: {python}</source>
        <translation>Das Python der Engine: {python}</translation>
    </message>
    <message>
        <source>Get the models</source>
        <translation>Modelle holen</translation>
    </message>
    <message>
        <source>No models came; the classical methods work without. To add them, put {name} into a folder, choose that as offline folder and set up again</source>
        <translation>Es kamen keine Modelle; die klassischen Verfahren arbeiten ohne. Um sie hinzuzufügen, {name} in einen Ordner legen, ihn als Offline-Ordner wählen und noch einmal einrichten</translation>
    </message>
    <message>
        <source>the offline folder is not there</source>
        <translation>der Offline-Ordner ist nicht da</translation>
    </message>
    <message>
        <source>the folder is not given in full</source>
        <translation>der Ordner ist nicht vollständig angegeben</translation>
    </message>
    <message>
        <source>the folder holds something that set-up did not make</source>
        <translation>der Ordner enthält etwas, das die Einrichtung nicht angelegt hat</translation>
    </message>
    <message>
        <source>Make an environment</source>
        <translation>Umgebung anlegen</translation>
    </message>
    <message>
        <source>Install the other packages</source>
        <translation>Die übrigen Pakete installieren</translation>
    </message>
    <message>
        <source>choose the folder that holds the wheels</source>
        <translation>den Ordner wählen, der die Wheels enthält</translation>
    </message>
    <message>
        <source>choose one by its whole path</source>
        <translation>einen mit seinem ganzen Pfad wählen</translation>
    </message>
    <message>
        <source>the engine in the offline folder is version {theirs}, the plugin is version {ours}</source>
        <translation>die Engine im Offline-Ordner hat die Version {theirs}, die Erweiterung die Version {ours}</translation>
    </message>
    <message>
        <source>Install PyTorch: {build}</source>
        <translation>PyTorch installieren: {build}</translation>
    </message>
    <message>
        <source>put seamline-{version}-py3-none-any.whl there, or take the other one away</source>
        <translation>seamline-{version}-py3-none-any.whl dorthin legen, oder die andere wegnehmen</translation>
    </message>
    <message>
        <source>Settings &gt; Options &gt; Network</source>
        <translation>Einstellungen &gt; Optionen &gt; Netzwerk</translation>
    </message>
    <message>
        <source>choose an HTTP proxy there, or use an offline folder</source>
        <translation>dort einen HTTP-Proxy wählen, oder einen Offline-Ordner verwenden</translation>
    </message>
    <message>
        <source>it is a 32-bit Python; the engine needs a 64-bit one</source>
        <translation>es ist ein 32-Bit-Python; die Engine braucht eines mit 64 Bit</translation>
    </message>
    <message>
        <source>it belongs to another environment; choose the Python that environment was made with</source>
        <translation>es gehört zu einer anderen Umgebung; das Python wählen, mit dem sie angelegt wurde</translation>
    </message>
    <message>
        <source>it is Python {version}; the engine needs 3.11, 3.12 or 3.13</source>
        <translation>es ist Python {version}; die Engine braucht 3.11, 3.12 oder 3.13</translation>
    </message>
    <message>
        <source>it lacks {modules}; on Debian and Ubuntu install {package}</source>
        <translation>ihm fehlt {modules}; unter Debian und Ubuntu {package} installieren</translation>
    </message>
    <message>
        <source>it does not answer as a Python does</source>
        <translation>es antwortet nicht wie ein Python</translation>
    </message>
    <message>
        <source>the plugin's folder is incomplete</source>
        <translation>der Ordner der Erweiterung ist unvollständig</translation>
    </message>
    <message>
        <source>install the plugin again from its zip</source>
        <translation>die Erweiterung noch einmal aus ihrem Zip installieren</translation>
    </message>
    <message>
        <source>Apple processor and its graphics (MPS)</source>
        <translation>Apple-Prozessor und seine Grafik (MPS)</translation>
    </message>
    <message>
        <source>processor alone (CPU)</source>
        <translation>Prozessor allein (CPU)</translation>
    </message>
    <message>
        <source>PyTorch is no longer made for this kind of computer; run the engine on another machine</source>
        <translation>PyTorch wird für Rechner dieser Art nicht mehr gebaut; die Engine auf einem anderen Rechner laufen lassen</translation>
    </message>
    <message>
        <source>no NVIDIA graphics card was found</source>
        <translation>es wurde keine NVIDIA-Grafikkarte gefunden</translation>
    </message>
    <message>
        <source>NVIDIA graphics card, CUDA {version}</source>
        <translation>NVIDIA-Grafikkarte, CUDA {version}</translation>
    </message>
    <message>
        <source>{card} is there, but its driver (CUDA {version}) fits no build: update the driver and look again</source>
        <translation>{card} ist da, aber zu ihrem Treiber (CUDA {version}) passt kein Build: den Treiber aktualisieren und noch einmal suchen</translation>
    </message>
    <message>
        <source>{card} with a driver for CUDA {version}</source>
        <translation>{card} mit einem Treiber für CUDA {version}</translation>
    </message>
    <message>
        <source>Look for Pythons and graphics cards</source>
        <translation>Nach Pythons und Grafikkarten suchen</translation>
    </message>
    <message>
        <source>Set up Seamline's engine</source>
        <translation>Engine von Seamline einrichten</translation>
    </message>
    <message>
        <source>Examine Seamline's engine</source>
        <translation>Engine von Seamline untersuchen</translation>
    </message>
    <message>
        <source>unexpected {error}; please report it</source>
        <translation>unerwartet: {error}; bitte melden</translation>
    </message>
</context>
</TS>
